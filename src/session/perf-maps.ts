import { lstatSync, unlinkSync } from "node:fs";
import type { Step } from "../model/plan.js";

/**
 * Removes the files in which V8 left the names of JavaScript functions, when it was this step that asked for them. The path is
 * predictable: only a plain file of our own user goes, never a link, and none of a process that still runs.
 */
export function removePerfMaps(step: Step, pids: readonly number[], running: readonly number[]): void {
  if (step.targetEnv["NODE_OPTIONS"] === undefined) {
    return;
  }
  for (const pid of pids.filter((candidate) => !running.includes(candidate))) {
    const path = `/tmp/perf-${pid}.map`;
    try {
      const facts = lstatSync(path);
      if (facts.isFile() && facts.uid === process.getuid?.()) {
        unlinkSync(path);
      }
    } catch {
      // Not there: the process was no Node.
    }
  }
}
