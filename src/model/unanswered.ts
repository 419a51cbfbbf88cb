import type { Report } from "./report.js";

/**
 * True where the question stays open. What is known already answers nothing: without anything new, an obstacle leaves it open. Where
 * several commands were run, a finding of one says nothing of another that could not be looked at.
 */
export function isUnanswered(report: Report): boolean {
  const fresh = report.findings.some(({ known }) => known !== true);
  return (
    report.verdict === "inconclusive" || (report.obstacles.length > 0 && (!fresh || report.run.jobs !== undefined))
  );
}
