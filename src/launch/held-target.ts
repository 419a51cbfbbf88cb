import { type StdioOptions, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Socket } from "node:net";
import type { Outcome } from "../model/primitives.js";
import { endOf } from "./end-of.js";
import { inheritedNofile } from "./process-tree.js";

const RELEASE_DESCRIPTOR = 3;

export interface HeldTarget {
  pid: number;
  /** Lets it execute the command. */
  release(): void;
  /** Ends it without the command ever having run. */
  abandon(): void;
  /** How it ended, and the errno of a failed execve. */
  ended: Promise<{ outcome: Outcome; execErrno: number | null }>;
}

/**
 * Starts the target's process, which waits before its first instruction. It is our own child: its descriptors, terminal, process
 * group and wait status are what they would be without a debugger.
 */
export function holdTarget(
  hold: string,
  file: string,
  argv: readonly string[],
  options: { env: NodeJS.ProcessEnv; stdoutToStderr: boolean; captureTo: string | null; silent?: boolean },
): HeldTarget {
  const [name = file, ...rest] = argv;
  // Not by execa: what it does for a child (buffering, killing, escaping) must not be done to a target, and it takes 80 ms to load.
  const capture = options.captureTo === null ? null : openCapture(options.captureTo);
  const child = spawn(hold, [String(RELEASE_DESCRIPTOR), inheritedNofile(), file, name, ...rest], {
    stdio: streamsOf(options, capture),
    env: options.env,
  });
  if (capture !== null) {
    closeSync(capture);
  }
  const ended = endOf(child);
  const channel = child.stdio[RELEASE_DESCRIPTOR] as unknown as Socket;
  let said = "";
  channel.on("data", (data: Buffer) => {
    said += data.toString("latin1");
  });
  channel.on("error", () => {});
  return {
    pid: child.pid ?? 0,
    release: () => void channel.end("g"),
    abandon: () => void channel.destroy(),
    ended: ended.then((end) => ({
      outcome: { ...end, timedOut: false },
      execErrno: /^\d+$/.test(said) ? Number(said) : null,
    })),
  };
}

/** Both streams append to one file, so that it has their order; the file is the target's own descriptor, of any size and never a pipe. */
function openCapture(file: string): number {
  return openSync(file, "ax", 0o600);
}

/** The target's own, unless they are captured, or this is a second run of which the first has told everything. */
function streamsOf(options: { stdoutToStderr: boolean; silent?: boolean }, capture: number | null): StdioOptions {
  if (options.silent === true) {
    return ["ignore", "ignore", "ignore", "pipe"];
  }
  return capture === null
    ? ["inherit", options.stdoutToStderr ? 2 : "inherit", "inherit", "pipe"]
    : ["ignore", capture, capture, "pipe"];
}
