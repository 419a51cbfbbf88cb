import { closeSync, openSync, readSync, realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Intervention } from "../model/primitives.js";
import { which } from "./gdb.js";

const ASK_LIMIT_MS = 10_000;
const HEAD_BYTES = 4096;
const MOST_SHIMS = 4;

/** A command without the programs that would only look for it and then start it. */
export interface Unwrapped {
  command: string[];
  /** What those programs would have added to its environment. */
  environment: Record<string, string>;
  interventions: Intervention[];
}

interface Shim {
  /** "pyenv". */
  manager: string;
  /** What says where the real program is. */
  ask: string[];
  /** The argv that the shim passes on, from the program's name on. */
  passes: readonly string[];
}

/**
 * Takes shims off a command: those of pyenv and its kin, asdf, mise, volta and nvm-exec, and the `env` of a #! line, as npm's
 * node_modules/.bin has it. Each of them starts up to a hundred processes, which an instrument would have to follow.
 */
export async function unwrapShims(command: readonly string[], environment: NodeJS.ProcessEnv): Promise<Unwrapped> {
  const out: Unwrapped = { command: [...command], environment: {}, interventions: [] };
  for (let i = 0; i < MOST_SHIMS; i += 1) {
    const env = { ...environment, ...out.environment };
    const file = locate(out.command[0] ?? "", env["PATH"] ?? "");
    if (file === null) {
      return out;
    }
    const shim = shimOf(file, out.command, env);
    if (shim === null) {
      const script = throughEnv(file, out.command);
      if (script === null) {
        return out;
      }
      out.command = script;
      continue;
    }
    const real = await ask(shim.ask, env);
    if (real === null || real === file) {
      return out;
    }
    out.interventions.push({
      kind: "action",
      what: `${file} is left out, and ${real} started`,
      why: `it is a shim of ${shim.manager}, which would look for the program and then start it`,
    });
    Object.assign(out.environment, addedBy(shim, real, env));
    out.command = [real, ...shim.passes.slice(1)];
  }
  return out;
}

function locate(name: string, path: string): string | null {
  return name.includes("/") ? name : which(name, path);
}

/** `#!/usr/bin/env node`: what the kernel and env(1) make of it. Null for anything else, env with options among it. */
function throughEnv(file: string, command: readonly string[]): string[] | null {
  const line = /^#! *(\S+)[ \t]+([^\s=-]\S*)[ \t]*\r?\n/.exec(head(file));
  const name = line?.[2];
  return line === null || name === undefined || name.includes("=") || basename(line[1] ?? "") !== "env"
    ? null
    : [name, file, ...command.slice(1)];
}

function shimOf(file: string, command: readonly string[], environment: NodeJS.ProcessEnv): Shim | null {
  const name = basename(file);
  const path = environment["PATH"] ?? "";
  const passes = [name, ...command.slice(1)];
  const text = head(file);
  if (text.startsWith("#!")) {
    return scriptShim(text, { name, file, passes, path });
  }
  const real = realpathSync(file);
  if (basename(real) === "volta-shim" || /\/\.volta\/bin\/[^/]+$/.test(file)) {
    return asking("volta", [beside(file, "volta") ?? which("volta", path), "which", name], passes);
  }
  return basename(real) === "mise" && name !== "mise" ? asking("mise", [real, "which", name], passes) : null;
}

function scriptShim(
  text: string,
  { name, file, passes, path }: { name: string; file: string; passes: readonly string[]; path: string },
): Shim | null {
  const kin = /^exec "?([^\s"]*?((?:py|nod|rb|j|go|pl|ph)env))"? exec /m.exec(text);
  if (kin !== null) {
    return asking(kin[2] ?? "pyenv", [kin[1] ?? null, "which", name], passes);
  }
  const asdf = /^exec "?([^\s"]*asdf)"? exec /m.exec(text)?.[1];
  if (asdf !== undefined) {
    return asking("asdf", [asdf.includes("/") ? asdf : which(asdf, path), "which", name], passes);
  }
  const wanted = passes[1];
  return name === "nvm-exec" && wanted !== undefined
    ? asking("nvm", [file, "sh", "-c", 'command -v "$1"', "sh", wanted], passes.slice(1))
    : null;
}

function asking(manager: string, words: readonly (string | null)[], passes: readonly string[]): Shim | null {
  const ask = words.filter((word) => word !== null);
  return ask.length === words.length ? { manager, ask, passes } : null;
}

function beside(file: string, name: string): string | null {
  return which(name, dirname(file));
}

/** What a manager answers: the path of the program. Null where it answers anything else. */
async function ask(words: readonly string[], environment: NodeJS.ProcessEnv): Promise<string | null> {
  const { execa } = await import("execa");
  const [file = "", ...args] = words;
  const asked = await execa(file, args, {
    reject: false,
    timeout: ASK_LIMIT_MS,
    stdin: "ignore",
    env: environment,
    extendEnv: false,
  });
  const answer = (asked.stdout ?? "").trim();
  return asked.exitCode === 0 &&
    answer.startsWith("/") &&
    !answer.includes("\n") &&
    which(basename(answer), dirname(answer)) !== null
    ? answer
    : null;
}

/** The real program's folder comes first on PATH, so that what it starts by name is of the same version. */
function addedBy(shim: Shim, real: string, environment: NodeJS.ProcessEnv): Record<string, string> {
  const version = /\/versions\/([^/]+)\/bin\/[^/]+$/.exec(real)?.[1];
  const variable = `${shim.manager.toUpperCase()}_VERSION`;
  return {
    PATH: [dirname(real), environment["PATH"]].filter(Boolean).join(":"),
    ...(shim.manager.endsWith("env") && version !== undefined ? { [variable]: version } : {}),
  };
}

function head(file: string): string {
  try {
    const fd = openSync(file, "r");
    try {
      const out = Buffer.alloc(HEAD_BYTES);
      return out.toString("utf8", 0, readSync(fd, out, 0, HEAD_BYTES, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
}
