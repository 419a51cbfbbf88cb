import type { Obstacle } from "../../model/evidence.js";

const INTERRUPTS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
const GRACE_MS = 3000;

export interface Interrupt {
  /** The signal that came; null for none. */
  by(): NodeJS.Signals | null;
  /** Aborted when what runs is to be ended. */
  stop: AbortSignal;
}

/**
 * Ctrl-C reaches the target that runs. What of it has not ended after three seconds is ended, as a CI system soon kills what does not end;
 * no further job is started, and what was seen is reported.
 */
export function onInterrupt(): Interrupt & { off(): void } {
  let by: NodeJS.Signals | null = null;
  const stop = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  const handler = (signal: NodeJS.Signals): void => {
    by ??= signal;
    timer ??= setTimeout(() => stop.abort(), GRACE_MS);
  };
  for (const signal of INTERRUPTS) {
    process.on(signal, handler);
  }
  return {
    by: () => by,
    stop: stop.signal,
    off: () => {
      clearTimeout(timer ?? undefined);
      for (const signal of INTERRUPTS) {
        process.off(signal, handler);
      }
    },
  };
}

export function interruptedBy(signal: NodeJS.Signals): Obstacle {
  return { what: `it was interrupted by ${signal}`, why: "somebody, or the CI system, ended it", mend: "run it again" };
}
