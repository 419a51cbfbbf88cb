import { relative } from "node:path";
import { baselineOf, compareWithBaseline, withNotices } from "../../diagnose/baseline.js";
import { buildReport } from "../../diagnose/report.js";
import { applySuppressions } from "../../diagnose/suppressions.js";
import { mergeEvidence } from "../../evidence/collect.js";
import type { Suppression } from "../../model/config.js";
import type { Obstacle } from "../../model/evidence.js";
import type { Intervention, Outcome } from "../../model/primitives.js";
import type { Job, Report } from "../../model/report.js";
import type { NamedBaseline } from "../baseline-file.js";
import { toolVersion } from "../places.js";
import type { JobResult } from "./run-job.js";

const NO_END: Outcome = { exitCode: null, signal: null, timedOut: false };

/** What the findings of the whole, and of each job, are judged by. */
export interface Judgement {
  suppressions: readonly Suppression[];
  baseline: NamedBaseline | null;
  /** A date such as 2026-01-31, after which a suppression may have expired. */
  today: string;
  /** The baseline that is to be written from what is found now; null to be compared with what there is. */
  accept: string | null;
}

/** One report of all jobs. `left` are obstacles of the whole: what kept jobs from being run at all. */
export function wholeReport(
  results: readonly JobResult[],
  left: readonly Obstacle[],
  facts: { id: string; folder: string; started: Date; partial: boolean; judgement: Judgement },
): { report: Report; baseline: Report | null } {
  const { id, folder, started, judgement } = facts;
  const parts = results.flatMap(({ evidence }) => (evidence === null ? [] : [evidence]));
  // Each command is a question of its own: that others did not show a finding says nothing of how often it comes.
  const merged = { ...mergeEvidence(parts), runs: Math.max(1, ...parts.map(({ runs }) => runs)) };
  const obstacles = [...left, ...together(results)];
  const reports = results.flatMap(({ report }) => (report === null ? [] : [report]));
  const [first] = reports;
  const same = reports.every(({ run }) => run.host.runtime === first?.run.host.runtime);
  const found = buildReport({
    evidence: { ...merged, obstacles },
    toolVersion: toolVersion(),
    run: {
      id,
      verb: "ci",
      command: [],
      host: first === undefined || !same ? { runtime: "unknown", version: null } : first.run.host,
      libraries: merged.libraries,
      startedAt: started.toISOString(),
      durationMs: Date.now() - started.getTime(),
      outcome: reports.at(-1)?.run.outcome ?? NO_END,
      processes: merged.processes,
      interventions: unique(reports.flatMap(({ run }) => run.interventions)),
      jobs: results.map((result) => jobOf(result, folder, judgement)),
    },
  });
  const whole = obstacles.length === 0 && !facts.partial;
  if (judgement.accept === null) {
    return { report: judged(found, judgement, whole), baseline: null };
  }
  if (!whole) {
    const report = judged(found, judgement, whole);
    return { report: { ...report, ...withNotices(report, [NOT_ACCEPTED]) }, baseline: null };
  }
  const today = { today: judgement.today, whole };
  const baseline = baselineOf(applySuppressions(found, judgement.suppressions, today));
  const accepted = compareWithBaseline(found, judgement.baseline?.baseline ?? baseline, {
    file: judgement.accept,
    whole,
  });
  const all = accepted.findings.map((finding) => ({ ...finding, known: true as const }));
  const jobs = (accepted.run.jobs ?? []).map(allKnown);
  const known = { ...accepted, run: { ...accepted.run, jobs }, findings: all };
  return { report: applySuppressions(known, judgement.suppressions, today), baseline };
}

const NOT_ACCEPTED = "the baseline was not written, as not everything could be run or answered";

function judged(report: Report, judgement: Judgement, whole: boolean): Report {
  const { baseline, suppressions, today } = judgement;
  const compared =
    baseline === null ? report : compareWithBaseline(report, baseline.baseline, { file: baseline.file, whole });
  return applySuppressions(compared, suppressions, { today, whole });
}

function allKnown(job: Job): Job {
  const { new: fresh, known, suppressed } = job.counts;
  return { ...job, counts: { new: 0, known: known + fresh, suppressed } };
}

/** What came of one job, counted as the whole is. */
export function jobOf(result: JobResult, folder: string, judgement: Judgement): Job {
  const { job, report } = result;
  const own = report === null ? null : judged(report, judgement, false);
  const known = own?.findings.filter((finding) => finding.known === true).length ?? 0;
  const fresh = (own?.findings.length ?? 0) - known;
  return {
    name: job.name,
    instrument: job.instrument,
    command: job.options.command,
    durationMs: result.durationMs,
    outcome: report?.run.outcome ?? NO_END,
    verdict: known + fresh > 0 ? "findings" : result.obstacles.length > 0 ? "inconclusive" : "clean",
    counts: { new: fresh, known, suppressed: own?.suppressed.length ?? 0 },
    directory: relative(folder, job.options.out ?? folder),
  };
}

/** The obstacles of all jobs, each with the jobs that it is of; what several have in common is told once. */
function together(results: readonly JobResult[]): Obstacle[] {
  const merged = new Map<string, Obstacle & { of: string[] }>();
  for (const { job, obstacles } of results) {
    for (const obstacle of obstacles) {
      const key = JSON.stringify(obstacle);
      const entry = merged.get(key) ?? { ...obstacle, of: [] };
      entry.of.push(`${job.name} under ${job.instrument}`);
      merged.set(key, entry);
    }
  }
  return [...merged.values()].map(({ of, what, why, mend }) => ({ what: `${of.join(", ")}: ${what}`, why, mend }));
}

function unique(interventions: readonly Intervention[]): Intervention[] {
  return [...new Map(interventions.map((entry) => [entry.what, entry])).values()];
}
