import { setTimeout as sleep } from "node:timers/promises";

/**
 * Waits for a reason to end the target: its time limit in seconds, or `stop`. Resolves with null when `ended` says first that it has ended
 * by itself.
 */
export async function whyToEnd(
  timeout: number | null,
  stop: AbortSignal | null,
  ended: AbortSignal,
): Promise<"time" | "stop" | null> {
  const reasons: Promise<"time" | "stop" | null>[] = [aborted(ended).then(() => null)];
  if (timeout !== null) {
    reasons.push(sleep(timeout * 1000, "time" as const, { signal: ended }).catch(() => null));
  }
  if (stop !== null) {
    reasons.push(aborted(stop).then(() => "stop"));
  }
  return await Promise.race(reasons);
}

/** What a step's record says of a target that was ended for an interrupt's sake. */
export function stoppedBy(why: "time" | "stop" | null): { stopped?: true } {
  return why === "stop" ? { stopped: true } : {};
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
    } else {
      signal.addEventListener("abort", () => resolve(), { once: true });
    }
  });
}
