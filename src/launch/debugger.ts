import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { type End, endOf } from "./end-of.js";
import { send, tracedBy } from "./process-tree.js";

const TELL_DESCRIPTOR = 3;
/** The tap on the shoulder that gdb's side knows; see `WAKE` there. */
const WAKE = 64;

export type Told = { k: "attached" } | { k: "refused"; why: string } | { k: "terminal"; pid: number } | { k: "done" };

/** What is meant for the target and would change or break gdb: PYTHONHOME alone keeps its Python from starting. */
const FOR_THE_TARGET = /^(LD_|PYTHON|MALLOC_|GLIBC_TUNABLES|DEBUGINFOD_|[ALUTM]SAN_OPTIONS)/;

/** The environment without what the user set for the target's sake. */
export function debuggerEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !FOR_THE_TARGET.test(name)));
}

export interface Debugger {
  pid: number;
  onTold(listener: (told: Told) => void): void;
  /** Asks it to look at what runs and let it go. False when it traces nothing. */
  wake(): boolean;
  kill(): void;
  ended: Promise<End>;
}

/** Starts gdb in a session of its own, so that the terminal's Ctrl-C is the target's. Its text goes to `output`. */
export function startDebugger(tool: readonly string[], env: NodeJS.ProcessEnv, output: string): Debugger {
  const [file = "gdb", ...args] = tool;
  const text = openSync(output, "wx", 0o600);
  const child = spawn(file, args, { stdio: ["ignore", text, text, "pipe"], env, detached: true });
  closeSync(text);
  const ended = endOf(child);
  const listeners: ((told: Told) => void)[] = [];
  createInterface({ input: child.stdio[TELL_DESCRIPTOR] as unknown as Readable }).on("line", (line) => {
    try {
      const told = JSON.parse(line) as Told;
      for (const listener of listeners) {
        listener(told);
      }
    } catch {}
  });
  const pid = child.pid ?? 0;
  return {
    pid,
    onTold: (listener) => void listeners.push(listener),
    wake: () => tracedBy(pid).some((row) => send(row.pid, WAKE)),
    kill: () => void send(pid, "SIGKILL"),
    ended,
  };
}
