import { send } from "./process-tree.js";

const FORWARDED = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;
const FROM_TERMINAL: ReadonlySet<string> = new Set(["SIGINT", "SIGQUIT"]);

/**
 * Signals sent to ffi-doctor reach the target, and ffi-doctor lives on to report. The terminal's own (Ctrl-C, Ctrl-\) go to the whole
 * foreground group, the target among it, so that passing them on would deliver them twice.
 */
export function forwardSignals(pid: number, onSignal: (signal: NodeJS.Signals) => void = () => {}): () => void {
  const handlers = FORWARDED.map((signal) => {
    const handler = (): void => {
      if (!(FROM_TERMINAL.has(signal) && process.stdin.isTTY)) {
        send(pid, signal);
      }
      onSignal(signal);
    };
    process.on(signal, handler);
    return () => void process.off(signal, handler);
  });
  return () => {
    for (const off of handlers) {
      off();
    }
  };
}
