import type { Job, Report } from "../../model/report.js";
import { escapeText } from "../escape.js";
import type { Page } from "./page.js";

/** "2 findings, 1 of them new" where there is a baseline. */
export function countText({ findings, baseline }: Report): string {
  const all = `${findings.length} finding${findings.length === 1 ? "" : "s"}`;
  const known = findings.filter((finding) => finding.known === true).length;
  if (baseline === null) {
    return all;
  }
  return known === findings.length ? `${all}, none of them new` : `${all}, ${findings.length - known} of them new`;
}

/** What `ci` ran, a line each. */
export function jobLines(page: Page, jobs: readonly Job[]): void {
  const widest = Math.max(...jobs.map(({ name }) => name.length));
  for (const job of jobs) {
    const seconds = `${(job.durationMs / 1000).toFixed(1)} s`;
    const line = `${escapeText(job.name).padEnd(widest)}  ${job.instrument.padEnd(11)}  ${seconds.padStart(8)}  ${verdictText(job)}`;
    const style = { clean: page.style.green, findings: page.style.red, inconclusive: page.style.yellow };
    const old = job.verdict === "findings" && job.counts.new === 0;
    page.row(`  ${line}`, old ? page.style.dim : style[job.verdict]);
  }
}

function verdictText({ verdict, counts }: Job): string {
  if (verdict === "inconclusive") {
    return "inconclusive";
  }
  const parts = [
    ...(counts.new > 0 ? [`${counts.new} new`] : []),
    ...(counts.known > 0 ? [`${counts.known} in the baseline`] : []),
    ...(counts.suppressed > 0 ? [`${counts.suppressed} suppressed`] : []),
  ];
  return parts.length === 0 ? "clean" : parts.join(", ");
}

/** What is gone since the baseline, what was suppressed and why, and what must be known of both. */
export function acceptedLines(page: Page, report: Report): void {
  const gone = report.baseline?.gone ?? [];
  if (gone.length > 0) {
    page.heading(`Gone since the baseline ${report.baseline?.file ?? ""}`);
    for (const { code, title, fingerprint } of gone) {
      page.text(`- ${code}: ${title} (${fingerprint})`, { indent: 2, hang: 4, style: page.style.green });
    }
    page.text("ffi-doctor ci --update-baseline takes them out of it.", { indent: 2, style: page.style.dim });
  }
  if (report.suppressed.length > 0) {
    page.heading("Suppressed");
  }
  for (const { code, title, fingerprint, reason, expires } of report.suppressed) {
    const what = code === undefined ? fingerprint : `${code}: ${title ?? fingerprint}`;
    page.text(`- ${what}. Reason: ${reason}${expires === null ? "" : ` (until ${expires})`}`, { indent: 2, hang: 4 });
  }
  if (report.notices !== undefined) {
    page.heading("To be noted");
  }
  for (const notice of report.notices ?? []) {
    page.text(`- ${notice}`, { indent: 2, hang: 4, style: page.style.yellow });
  }
}
