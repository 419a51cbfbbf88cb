import type { Finding } from "../model/finding.js";
import type { Report } from "../model/report.js";
import { escapeText } from "./escape.js";
import { plainStack } from "./plain-stack.js";
import { redactReport } from "./redact.js";

export interface MarkdownOptions {
  showMemory: boolean;
}

/** GitHub shows a job summary of at most 1 MiB; more than this helps nobody. In bytes. */
const MOST = 512 << 10;
const LONGEST_TEXT = 2000;
const TITLES = {
  findings: "Findings",
  clean: "Clean",
  inconclusive: "Inconclusive: the question could not be answered",
};

/** A summary for a job's page: a table of findings, then each with what is needed to act on it. */
export function renderMarkdown(unredacted: Report, options: MarkdownOptions): string {
  const report = redactReport(unredacted, options);
  const parts = [
    head(report),
    jobs(report),
    table(report),
    ...report.findings.map(details),
    accepted(report),
    obstacles(report),
    coverage(report),
  ];
  const kept: string[] = [];
  let size = 0;
  for (const part of parts.filter((text) => text !== "")) {
    size += Buffer.byteLength(part) + 2;
    if (size > MOST) {
      kept.push("The rest was left out, as this page would be too long; report.json has it.");
      break;
    }
    kept.push(part);
  }
  return `${kept.join("\n\n")}\n`;
}

function head(report: Report): string {
  const { run } = report;
  const count = report.findings.length;
  const verdict = count > 0 ? `${count} finding${count === 1 ? "" : "s"}` : TITLES[report.verdict];
  const end =
    run.outcome.signal !== null
      ? `killed by ${run.outcome.signal}`
      : run.outcome.exitCode === null
        ? "its end was not seen"
        : `exited with status ${run.outcome.exitCode}`;
  const title = `## ffi-doctor ${code(run.verb)}: ${verdict}`;
  if (run.jobs !== undefined) {
    return title;
  }
  return [
    title,
    "",
    `${code(run.command.join(" ") || "a process that ran already")} ${run.outcome.timedOut ? "was ended by the time limit" : end}, after ${(run.durationMs / 1000).toFixed(1)} s.`,
  ].join("\n");
}

/** What `ci` ran. */
function jobs({ run }: Report): string {
  if (run.jobs === undefined) {
    return "";
  }
  const rows = run.jobs.map(({ name, instrument, verdict, counts, durationMs }) => {
    const said = verdict === "findings" ? `${counts.new} new, ${counts.known} in the baseline` : verdict;
    return `| ${text(name)} | ${instrument} | ${said} | ${(durationMs / 1000).toFixed(1)} s |`;
  });
  return ["| run | under | outcome | time |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

/** What is gone since the baseline, what is suppressed, and what must be known of both. */
function accepted({ baseline, suppressed, notices = [] }: Report): string {
  return [
    ...(baseline?.gone ?? []).map((entry) => `- Gone since the baseline: ${code(entry.code)} ${text(entry.title)}`),
    ...suppressed.map((entry) => `- Suppressed: ${text(entry.title ?? entry.fingerprint)}: ${text(entry.reason)}`),
    ...notices.map((notice) => `- ${text(notice)}`),
  ].join("\n");
}

function table(report: Report): string {
  if (report.findings.length === 0) {
    return "";
  }
  const rows = report.findings.map((finding) => {
    const cells = [
      `${finding.severity} ${code(finding.code)}${finding.known === true ? " (in the baseline)" : ""}`,
      text(finding.title),
      finding.blame,
      finding.confidence,
      finding.probes.join(", "),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return ["| finding | what | whose | how sure | seen by |", "| --- | --- | --- | --- | --- |", ...rows].join("\n");
}

function details(finding: Finding): string {
  const steps = finding.nextSteps.flatMap(({ why, command }) => [
    `- ${text(why)}`,
    ...(command === null ? [] : ["", fenced([command]), ""]),
  ]);
  return [
    "<details>",
    `<summary>${text(finding.code)}: ${text(finding.title)}</summary>`,
    "",
    text(finding.message),
    "",
    `**Whose:** ${finding.blame}: ${text(finding.blameReason)}`,
    "",
    "**Evidence**",
    "",
    ...finding.evidence.map((line) => `- ${text(line)}`),
    ...finding.stacks.flatMap((stack) => ["", fenced(plainStack(stack))]),
    ...(steps.length === 0 ? [] : ["", "**Next**", "", ...steps]),
    "",
    `Fingerprint ${code(finding.fingerprint)}`,
    "",
    "</details>",
  ].join("\n");
}

function obstacles(report: Report): string {
  return report.obstacles
    .map(({ what, why, mend }) => `- **${text(what)}**: ${text(why)}${mend === null ? "" : `. Mend: ${code(mend)}`}`)
    .join("\n");
}

function coverage(report: Report): string {
  const spots = report.coverage.flatMap(({ blindSpots }) =>
    blindSpots.map(
      ({ what, why, mend }) => `- ${text(what)}: ${text(why)}${mend === null ? "" : `. Mend: ${code(mend)}`}`,
    ),
  );
  const hidden = report.coverage.flatMap(({ probe, notShown }) =>
    notShown.map(({ what, count }) => `- ${probe}: ${count} ${text(what)}`),
  );
  return [
    ...(spots.length === 0 ? [] : ["**Not seen**", "", ...spots]),
    ...(hidden.length === 0 ? [] : [...(spots.length === 0 ? [] : [""]), "**Seen and not shown**", "", ...hidden]),
  ].join("\n");
}

/** Text in which nothing of a target's acts: no markup, no HTML, no link, no mention. */
function text(given: string): string {
  return escapeText(given, LONGEST_TEXT)
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/[\\`*_{}[\]()#+!|~$-]/g, (char) => `\\${char}`)
    .replace(/@/g, "&#64;")
    .replace(/:\/\//g, "&#58;//")
    .replace(/\bwww\./gi, "www&#46;");
}

/** Inline code: fenced by one backtick more than any run inside it has (CommonMark 0.31, 6.1). A table cell ends at a bar, even in code. */
function code(given: string): string {
  const plain = escapeText(given, LONGEST_TEXT).replace(/\|/g, "\u00a6");
  const fence = "`".repeat(1 + longestRun(plain));
  return `${fence}${plain.startsWith("`") || plain.endsWith("`") ? ` ${plain} ` : plain || " "}${fence}`;
}

/** A block of code, whose fence no line inside it can close (4.5). */
function fenced(lines: readonly string[]): string {
  const plain = lines.map((line) => escapeText(line, LONGEST_TEXT));
  const fence = "`".repeat(Math.max(3, 1 + longestRun(plain.join("\n"))));
  return [fence, ...plain, fence].join("\n");
}

function longestRun(plain: string): number {
  return Math.max(0, ...[...plain.matchAll(/`+/g)].map(([run]) => run.length));
}
