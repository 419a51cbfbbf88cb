import { spawnSync } from "node:child_process";
import { performance } from "node:perf_hooks";

/** The middle of the values; of an even number, the mean of the two in the middle. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Wall time of one start of a command in milliseconds. Throws when it does not end as it should: a failure is never fast. */
function once({ command, env, status, before }) {
  before?.();
  const [file, ...args] = command;
  const started = performance.now();
  const result = spawnSync(file, args, { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe"] });
  const took = performance.now() - started;
  if (result.status !== status) {
    throw new Error(
      `${command.join(" ")} ended with ${result.status ?? result.signal}, not ${status}\n${result.stderr}`,
    );
  }
  return took;
}

/** Runs the candidates in turn, so that what else the machine does hits all alike, and returns the median of each in milliseconds. */
export function interleaved(candidates, rounds) {
  const times = candidates.map(() => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [i, candidate] of candidates.entries()) {
      const took = once(candidate);
      // The first round fills the caches.
      if (round > 0) {
        times[i].push(took);
      }
    }
  }
  return times.map(median);
}
