import type { ChildProcess } from "node:child_process";

export interface End {
  exitCode: number | null;
  /** "SIGSEGV"; null when it exited by itself. */
  signal: string | null;
}

/** How a child ends, when its streams are closed too. One that could not be started at all ends with neither. */
export function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.on("error", () => resolve({ exitCode: null, signal: null }));
    child.on("close", (exitCode, signal) => resolve({ exitCode, signal }));
  });
}
