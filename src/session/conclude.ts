import { compareWithBaseline } from "../diagnose/baseline.js";
import { buildReport } from "../diagnose/report.js";
import { collectEvidence } from "../evidence/collect.js";
import { UserError } from "../model/errors.js";
import type { Evidence, Obstacle } from "../model/evidence.js";
import type { RunManifest } from "../model/manifest.js";
import type { Report } from "../model/report.js";
import { redactReport, secretsOfEnvironment } from "../render/redact.js";
import type { RunDirectory } from "../rundir/run-directory.js";
import type { NamedBaseline } from "./baseline-file.js";
import { toolVersion } from "./places.js";
import { runFacts } from "./run-facts.js";

/**
 * From what a run left to its report, which is also written down as report.json. `obstacles` kept the run from beginning; secrets of
 * the target's `environment` are masked. A report that cannot be written is not lost: `unwritten` says why, to be told after it was shown.
 */
export function conclude(
  directory: RunDirectory,
  manifest: RunManifest,
  obstacles: readonly Obstacle[],
  baseline: NamedBaseline | null,
  environment: NodeJS.ProcessEnv,
): { report: Report; evidence: Evidence; unwritten: UserError | null } {
  const evidence = collectEvidence(directory, manifest, manifest.options.libs);
  const found = reportOf(manifest, { ...evidence, obstacles: [...obstacles, ...evidence.obstacles] });
  const report = baseline === null ? found : againstBaseline(found, baseline);
  try {
    directory.writeManifest(manifest);
    const { showMemory } = manifest.options;
    const secrets = secretsOfEnvironment(environment);
    directory.writeJson("report.json", redactReport(report, { showMemory, secrets }));
  } catch (error) {
    if (error instanceof UserError) {
      return { report, evidence, unwritten: error };
    }
    throw error;
  }
  return { report, evidence, unwritten: null };
}

/** The report compared with an earlier one. */
export function againstBaseline(report: Report, { file, baseline }: NamedBaseline): Report {
  return compareWithBaseline(report, baseline, { file, whole: report.obstacles.length === 0 });
}

/** A report from the evidence of a run. */
export function reportOf(manifest: RunManifest, evidence: Evidence): Report {
  return buildReport({ evidence, run: runFacts(manifest, evidence), toolVersion: toolVersion() });
}
