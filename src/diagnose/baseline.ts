import type { Finding } from "../model/finding.js";
import type { Baseline, Report } from "../model/report.js";

/** What a finding goes by: its own fingerprint and those of the witnesses that were joined into it. */
type Known = Pick<Finding, "fingerprint"> & { alsoKnownAs?: string[] | undefined };

/**
 * The report, compared with an earlier one: what was there already is `known` and comes last, and what is there no more is listed as
 * gone. `whole` is false where not everything was run or answered: nothing is called gone then.
 */
export function compareWithBaseline(
  report: Report,
  baseline: Baseline,
  options: { file: string; whole: boolean },
): Report {
  const before = fingerprintsOf(baseline.findings);
  const now = fingerprintsOf(report.findings);
  const marked = report.findings.map((finding) =>
    names(finding).some((name) => before.has(name)) ? { ...finding, known: true as const } : finding,
  );
  const missing = baseline.findings.filter((entry) => !names(entry).some((name) => now.has(name)));
  // An instrument that did not look cannot say that something is gone.
  const looked = new Set<string>(report.coverage.map(({ probe }) => probe));
  const judged = missing.filter(({ probes }) => probes.length === 0 || probes.some((probe) => looked.has(probe)));
  const gone = options.whole ? judged : [];
  const unsure = missing.length - gone.length;
  return {
    ...report,
    findings: [...marked.filter(({ known }) => known !== true), ...marked.filter(({ known }) => known === true)],
    baseline: { file: options.file, gone: gone.map(({ fingerprint, code, title }) => ({ fingerprint, code, title })) },
    ...withNotices(report, unsure === 0 ? [] : [notJudged(unsure, options.whole)]),
  };
}

function notJudged(count: number, whole: boolean): string {
  const what = `${count} finding${count === 1 ? "" : "s"} of the baseline did not show, and may still be there: `;
  return `${what}${whole ? "the instruments that saw them did not look" : "not everything was run, or could be answered"}`;
}

/**
 * The report as a baseline to be kept with the sources: what tells findings apart and explains them, without addresses, stacks and
 * memory, in an order that does not change from run to run.
 */
export function baselineOf(report: Report): Report {
  const { jobs, ...run } = report.run;
  return {
    ...report,
    run: { ...run, libraries: [], processes: [], interventions: [], durationMs: 0 },
    findings: report.findings.map(essence).sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1)),
    letGo: [],
    coverage: [],
    baseline: null,
  };
}

function essence(finding: Finding): Finding {
  const { known, signal, access, block, timeline, capture, ...rest } = finding;
  return { ...rest, pid: 0, evidence: [], stacks: [], boundaryCalls: [], nextSteps: [] };
}

function names({ fingerprint, alsoKnownAs = [] }: Known): string[] {
  return [fingerprint, ...alsoKnownAs];
}

function fingerprintsOf(findings: readonly Known[]): Set<string> {
  return new Set(findings.flatMap(names));
}

/** The report's notices with more of them; none at all where there is nothing to say. */
export function withNotices(report: Report, more: readonly string[]): Pick<Report, "notices"> {
  const all = [...(report.notices ?? []), ...more];
  return all.length === 0 ? {} : { notices: all };
}
