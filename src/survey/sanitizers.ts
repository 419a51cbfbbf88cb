import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { execa } from "execa";
import type { Sanitizer } from "../model/primitives.js";
import { defines, dynamicSymbols, readElf } from "./elf.js";
import { which } from "./gdb.js";

/** What a file wants of a sanitizer. */
export interface Wanted {
  /** Checks that are compiled in. */
  checks: Sanitizer[];
  /** The runtime among its needed libraries, by soname. */
  soname: string | null;
  /** It holds a runtime itself, as programs of clang and Rust do. */
  ownRuntime: boolean;
}

export interface SanitizerRuntime {
  file: string;
  compiler: "gcc" | "clang";
}

const SHORT: Record<Sanitizer, string> = { address: "asan", undefined: "ubsan", thread: "tsan", leak: "lsan" };
const CLANG: Record<Sanitizer, string | null> = {
  address: "asan",
  undefined: "ubsan_standalone",
  thread: "tsan",
  // clang has it only inside of AddressSanitizer, or to be linked in.
  leak: null,
};
const TRIPLETS: Partial<Record<NodeJS.Architecture, string>> = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" };
const CLANG_MACHINES: Partial<Record<NodeJS.Architecture, string>> = { x64: "x86_64", arm64: "aarch64" };
const ASK_LIMIT_MS = 10_000;

/** Null for a file that is no ELF, or not there. */
export function wantedBy(path: string): Wanted | null {
  const elf = readElf(path);
  const symbols = dynamicSymbols(path, /^__(asan|ubsan|tsan|lsan)_/);
  if (elf === null || symbols === null) {
    return null;
  }
  const has = (names: readonly string[], start: string): boolean => names.some((name) => name.startsWith(start));
  // rustc's linker keeps the runtime's functions to the program; a function of its own goes before one that is asked for.
  const holds = (name: string): boolean =>
    has(symbols.given, name) || (elf.interpreter !== null && !has(symbols.asked, name) && defines(path, [name]));
  const checks: Sanitizer[] = [];
  if (has(symbols.asked, "__asan_") || holds("__asan_init")) {
    checks.push("address");
  }
  if (has(symbols.asked, "__ubsan_")) {
    checks.push("undefined");
  }
  if (has(symbols.asked, "__tsan_") || holds("__tsan_init")) {
    checks.push("thread");
  }
  return {
    checks,
    soname: elf.needed.find((name) => /^lib(asan|tsan|lsan)\.so|^libclang_rt\.(asan|tsan)/.test(name)) ?? null,
    ownRuntime: holds("__asan_init") || holds("__tsan_init"),
  };
}

/** Where a library that the command line names may lie, before anything was started. */
export function findLibrary(name: string, environment: NodeJS.ProcessEnv): string | null {
  if (name.includes("/")) {
    return existsSync(name) ? realpathSync(name) : null;
  }
  const folders = (environment["LD_LIBRARY_PATH"] ?? "").split(/[:;]/).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file)) ?? null;
}

/** The runtimes of a sanitizer that are here and can be preloaded, the likeliest first: gcc's newest, then clang's newest. */
export async function findRuntimes(sanitizer: Sanitizer, path: string): Promise<SanitizerRuntime[]> {
  const short = SHORT[sanitizer];
  const gcc = gccFolders().flatMap((folder) =>
    matching(folder, new RegExp(`^lib${short}\\.so\\.\\d+$`)).map((name) => join(folder, name)),
  );
  const asked = gcc.length > 0 ? [] : await askGcc(short, path);
  return [
    ...newestFirst([...gcc, ...asked]).map((file): SanitizerRuntime => ({ file, compiler: "gcc" })),
    ...newestFirst(clangRuntimes(sanitizer)).map((file): SanitizerRuntime => ({ file, compiler: "clang" })),
  ];
}

/** What clang's runtimes ask for names and lines; null where there is none. */
export function findSymbolizer(path: string): string | null {
  const versions = newestFirst(
    matching("/usr/lib", /^llvm-\d+$/).map((name) => `/usr/lib/${name}/bin/llvm-symbolizer`),
  );
  return which("llvm-symbolizer", path) ?? versions.find((file) => existsSync(file)) ?? null;
}

/** The package that brings a sanitizer's runtime, on Debian and its kin. */
export function packageOf(sanitizer: Sanitizer): string {
  return { address: "libasan8", undefined: "libubsan1", thread: "libtsan2", leak: "liblsan0" }[sanitizer];
}

function gccFolders(): string[] {
  const triplet = TRIPLETS[process.arch];
  return [...(triplet === undefined ? [] : [`/usr/lib/${triplet}`]), "/usr/lib64", "/usr/lib"];
}

/** gcc knows where its own are, also where no package manager put them. */
async function askGcc(short: string, path: string): Promise<string[]> {
  const gcc = which("gcc", path);
  if (gcc === null) {
    return [];
  }
  const said = await execa(gcc, [`-print-file-name=lib${short}.so`], {
    reject: false,
    timeout: ASK_LIMIT_MS,
    stdin: "ignore",
  });
  const file = said.stdout.trim();
  // It repeats the bare name when it has none.
  return file.startsWith("/") && existsSync(file) ? [realpathSync(file)] : [];
}

function clangRuntimes(sanitizer: Sanitizer): string[] {
  const kind = CLANG[sanitizer];
  const machine = CLANG_MACHINES[process.arch];
  if (kind === null || machine === undefined) {
    return [];
  }
  const homes = [
    ...matching("/usr/lib", /^llvm-\d+$/).map((name) => `/usr/lib/${name}/lib/clang`),
    "/usr/lib/clang",
    "/usr/lib64/clang",
  ];
  return homes.flatMap((home) =>
    matching(home, /^\d[\d.]*$/).flatMap((version) =>
      [
        join(home, version, "lib/linux", `libclang_rt.${kind}-${machine}.so`),
        join(home, version, `lib/${machine}-unknown-linux-gnu`, `libclang_rt.${kind}.so`),
      ].filter((file) => existsSync(file)),
    ),
  );
}

function matching(folder: string, pattern: RegExp): string[] {
  try {
    return readdirSync(folder).filter((name) => pattern.test(name));
  } catch {
    return [];
  }
}

/** By the numbers in the path, the highest first; a file that two links lead to counts once. */
function newestFirst(files: readonly string[]): string[] {
  const numbers = (file: string): number[] => (file.match(/\d+/g) ?? []).map(Number);
  const once = new Map(files.map((file) => [existsSync(file) ? realpathSync(file) : file, file]));
  return [...once.values()].sort((a, b) => {
    const [left, right] = [numbers(basename(a) + a), numbers(basename(b) + b)];
    const at = left.findIndex((value, i) => value !== right[i]);
    return at < 0 ? 0 : (right[at] ?? 0) - (left[at] ?? 0);
  });
}
