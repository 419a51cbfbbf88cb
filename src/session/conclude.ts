import { buildReport } from "../diagnose/report.js";
import { collectEvidence } from "../evidence/collect.js";
import { UserError } from "../model/errors.js";
import type { Evidence, Obstacle } from "../model/evidence.js";
import type { RunManifest } from "../model/manifest.js";
import type { Report } from "../model/report.js";
import { redactReport } from "../render/redact.js";
import type { RunDirectory } from "../rundir/run-directory.js";
import { toolVersion } from "./places.js";
import { runFacts } from "./run-facts.js";

/**
 * From what a run left to its report, which is also written down as report.json. `obstacles` kept the run from beginning. A report that
 * cannot be written is not lost: `unwritten` says why, to be told after it was shown.
 */
export function conclude(
  directory: RunDirectory,
  manifest: RunManifest,
  obstacles: readonly Obstacle[],
): { report: Report; unwritten: UserError | null } {
  const evidence = collectEvidence(directory, manifest, manifest.options.libs);
  const report = reportOf(manifest, { ...evidence, obstacles: [...obstacles, ...evidence.obstacles] });
  try {
    directory.writeManifest(manifest);
    directory.writeJson("report.json", redactReport(report, { showMemory: manifest.options.showMemory }));
  } catch (error) {
    if (error instanceof UserError) {
      return { report, unwritten: error };
    }
    throw error;
  }
  return { report, unwritten: null };
}

/** A report from the evidence of a run. */
export function reportOf(manifest: RunManifest, evidence: Evidence): Report {
  return buildReport({ evidence, run: runFacts(manifest, evidence), toolVersion: toolVersion() });
}
