import { mkdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { type DebugLayout, debugLayout, readElf } from "./elf.js";
import { which } from "./gdb.js";

const MOST_FILES = 200;
const COPY_LIMIT_MS = 120_000;
/** What installs objcopy on Debian and its kin. */
export const INSTALL_OBJCOPY = "apt-get install -y binutils";

const HOW: Record<DebugLayout, { option: string; what: string }> = {
  zstd: { option: "--decompress-debug-sections", what: "debug information compressed by zstd" },
  "split-dwarf-5": { option: "--strip-debug", what: "split debug information of DWARF 5" },
};

/** What is wrong with a file's debug information, in words. */
export function layoutText(layout: DebugLayout): string {
  return HOW[layout].what;
}

/** A file that an instrument dies of, and by which name the dynamic linker would look for it; null for the program itself. */
export interface Unreadable {
  path: string;
  layout: DebugLayout;
}

/**
 * Files with such debug information among a program and the libraries that it needs, as far as they are found beside it or by
 * LD_LIBRARY_PATH: a distribution's own have none in them.
 */
export function unreadableFiles(program: string, named: readonly string[], libraryPath: string): Unreadable[] {
  const queue = [program, ...named];
  const seen = new Set<string>();
  for (let path = queue.shift(); path !== undefined && seen.size < MOST_FILES; path = queue.shift()) {
    const elf = seen.has(path) ? null : readElf(path);
    if (elf === null) {
      continue;
    }
    seen.add(path);
    const origin = dirname(real(path));
    const folders = [...libraryPath.split(":").filter(Boolean), ...elf.runpath].map((folder) =>
      folder.replace(/\$(ORIGIN|\{ORIGIN\})/g, origin),
    );
    queue.push(...elf.needed.flatMap((name) => found(name, folders)));
  }
  return [...seen].flatMap((path) => {
    const layout = debugLayout(path);
    return layout === null ? [] : [{ path, layout }];
  });
}

function found(name: string, folders: readonly string[]): string[] {
  const paths = name.includes("/") ? [name] : folders.map((folder) => join(folder, name));
  return paths.filter((path) => readElf(path) !== null).slice(0, 1);
}

/**
 * A copy of a file below `folder`, at the path that it has, with debug information that can be read; null where none could be made.
 * Without a layout, there is none in it.
 */
export async function mendedCopy(path: string, layout: DebugLayout | null, folder: string): Promise<string | null> {
  const objcopy = which("objcopy", process.env["PATH"] ?? "");
  if (objcopy === null || !path.startsWith("/")) {
    return null;
  }
  const copy = join(folder, path);
  mkdirSync(dirname(copy), { recursive: true, mode: 0o700 });
  const { execa } = await import("execa");
  const option = layout === null ? "--strip-debug" : HOW[layout].option;
  const made = await execa(objcopy, [option, path, copy], { reject: false, timeout: COPY_LIMIT_MS, stdin: "ignore" });
  return made.exitCode === 0 ? copy : null;
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
