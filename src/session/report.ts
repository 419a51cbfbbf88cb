import { collectEvidence, mergeEvidence } from "../evidence/collect.js";
import { UserError } from "../model/errors.js";
import type { Report } from "../model/report.js";
import { readManifest } from "../rundir/read-run.js";
import { RunDirectory } from "../rundir/run-directory.js";
import { readBaseline } from "./baseline-file.js";
import { againstBaseline, reportOf } from "./conclude.js";

/** The report of one run directory, or of several as one, made again from their recordings. Throws UserError for a damaged one. */
export function reportSession(
  runDirs: readonly string[],
  options: { libs: readonly string[]; baseline: string | null },
): { report: Report; runDir: string } {
  const baseline = options.baseline === null ? null : readBaseline(options.baseline);
  const runs = runDirs.map((path) => {
    const directory = RunDirectory.open(path);
    const manifest = readManifest(directory);
    const libs = options.libs.length > 0 ? options.libs : manifest.options.libs;
    const evidence = collectEvidence(directory, manifest, libs);
    const cut = manifest.complete
      ? []
      : [
          {
            what: `${path} is the directory of a run that did not end`,
            why: "ffi-doctor was killed, or is still at it",
            mend: "run the command again",
          },
        ];
    return { directory, manifest, evidence: { ...evidence, obstacles: [...evidence.obstacles, ...cut] } };
  });
  const first = runs[0];
  if (first === undefined) {
    throw new UserError("no run directory named", { hint: "ffi-doctor report .ffi-doctor/<run>" });
  }
  const evidence = runs.length === 1 ? first.evidence : mergeEvidence(runs.map((run) => run.evidence));
  const report = reportOf(first.manifest, evidence);
  return { report: baseline === null ? report : againstBaseline(report, baseline), runDir: first.directory.path };
}
