import { accessSync, closeSync, constants, openSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../model/errors.js";
import type { HostRuntime } from "../model/primitives.js";
import type { Target } from "../model/target.js";
import { type ElfFacts, readElf } from "./elf.js";

/** What programs and cores that can be looked at here are built for. */
export const THIS_MACHINE: Partial<Record<NodeJS.Architecture, string>> = {
  x64: "x86-64",
  arm64: "aarch64",
  ia32: "x86",
  arm: "arm",
};
const SETUID = 0o4000;
const SETGID = 0o2000;
const SHEBANG_LIMIT = 4096;
const SHEBANG_DEPTH = 4;

/** Finds out what a command is without running it. Throws UserError when the kernel could not start it. */
export function surveyTarget(command: readonly string[], path: string): Target {
  const name = command[0];
  if (name === undefined || name === "") {
    throw new UserError("no command to run", { hint: "put it after --, as in: ffi-doctor gdb-capture -- node app.js" });
  }
  const file = findCommand(name, path);
  const chain = interpreterChain(file, path);
  const binary = chain.at(-1) ?? file;
  const elf = readElf(binary);
  if (elf === null) {
    throw notRunnable(binary);
  }
  const ours = THIS_MACHINE[process.arch];
  if (ours !== undefined && elf.machine !== ours && !(ours === "x86-64" && elf.machine === "x86")) {
    throw new UserError(`${binary} is built for ${elf.machine}, and this machine is ${ours}`, {
      hint: "use the build for this machine",
    });
  }
  const mode = statSync(file).mode;
  return {
    command: [...command],
    file,
    executable: realpathSync(file),
    kind: chain.length > 0 ? "script" : "elf",
    interpreter: chain.length > 0 ? realpathSync(binary) : null,
    host: { runtime: runtimeOf(realpathSync(binary), elf), version: null },
    machine: elf.machine,
    staticallyLinked: elf.interpreter === null && elf.needed.length === 0,
    setuid: chain.length === 0 && (mode & (SETUID | SETGID)) !== 0,
  };
}

/** Looks a command up as execvp(3) does. */
function findCommand(name: string, path: string): string {
  const candidates = name.includes("/") ? [name] : path.split(":").map((dir) => join(dir === "" ? "." : dir, name));
  let refused: string | null = null;
  for (const candidate of candidates) {
    const facts = statSync(candidate, { throwIfNoEntry: false });
    if (facts === undefined) {
      continue;
    }
    if (facts.isDirectory()) {
      refused ??= !name.includes("/") ? null : `${candidate} is a directory`;
    } else if (!isExecutable(candidate)) {
      refused ??= `${candidate} is not executable`;
    } else {
      return candidate;
    }
  }
  if (refused !== null) {
    throw new UserError(refused, {
      hint: refused.endsWith("a directory")
        ? "name the program in it"
        : "chmod +x it, or put its interpreter in front: ffi-doctor gdb-capture -- node app.js",
    });
  }
  throw new UserError(`no such command: ${name}`, {
    hint: name.includes("/") ? "check the path" : "check the spelling and PATH, or give the path to the file",
  });
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The interpreters that the kernel would start for a script, outermost last; empty for a binary (execve(2)). */
function interpreterChain(file: string, path: string): string[] {
  const chain: string[] = [];
  for (let at = file; chain.length < SHEBANG_DEPTH; ) {
    const head = readHead(at);
    if (head.subarray(0, 4).toString("latin1") === "\x7fELF") {
      return chain;
    }
    if (head.subarray(0, 2).toString("latin1") !== "#!") {
      throw notRunnable(at);
    }
    const words = (head.toString("utf8", 2).split("\n", 1)[0] ?? "").trim().split(/\s+/);
    const interpreter = words[0] ?? "";
    const wanted =
      basename(interpreter) === "env"
        ? (words.slice(1).find((word) => !/^-|=/.test(word)) ?? interpreter)
        : interpreter;
    try {
      at = findCommand(wanted, path);
    } catch (error) {
      throw new UserError(`${file} asks for the interpreter ${wanted}, which is not here`, {
        hint: `install ${basename(wanted)}, or mend the #! line of ${file}`,
        cause: error,
      });
    }
    chain.push(at);
  }
  return chain;
}

function readHead(file: string): Buffer {
  try {
    const fd = openSync(file, "r");
    try {
      const out = Buffer.alloc(SHEBANG_LIMIT);
      return out.subarray(0, readSync(fd, out, 0, SHEBANG_LIMIT, 0));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new UserError(`${file} cannot be read, so that nothing can be said about it`, {
      hint: `chmod +r ${file}`,
      cause: error,
    });
  }
}

function notRunnable(file: string): UserError {
  return new UserError(
    `${file} is neither a program for this system nor a script with a #! line, so the kernel cannot start it`,
    {
      hint: `put its interpreter in front: ffi-doctor gdb-capture -- sh ${file}`,
    },
  );
}

/** Which runtime a binary is, by its name or by what its toolchain left in it. */
export function runtimeOf(path: string, elf: Pick<ElfFacts, "sections" | "needed">): HostRuntime {
  const name = basename(path);
  if (/^(node|nodejs|electron)$/.test(name)) {
    return "node";
  }
  if (/^(python|pypy)[\d.]*$/.test(name)) {
    return "python";
  }
  if (/^java$/.test(name)) {
    return "java";
  }
  if (elf.sections.has(".go.buildinfo") || elf.sections.has(".gopclntab") || elf.sections.has(".note.go.buildid")) {
    return "go";
  }
  if (/^(sh|bash|dash|zsh|ksh|fish|busybox|env|make|npm|xargs|timeout|nice|perl|ruby)$/.test(name)) {
    return "unknown";
  }
  return elf.sections.has(".debug_gdb_scripts") ? "rust" : "c";
}
