import type { Finding } from "../model/finding.js";
import type { Report } from "../model/report.js";
import { escapeText } from "./escape.js";
import { plainStack } from "./plain-stack.js";
import { type Redaction, redactReport } from "./redact.js";
import { nameOf } from "./terminal/stack.js";

/** GitHub shows a job summary of at most 1 MiB; more than half of that helps nobody. In bytes. */
const MOST_DETAILS = 320 << 10;
const MOST_ROWS = 96 << 10;
const MOST_ABOUT = 64 << 10;
const LEFT_OUT = "The rest was left out, as this page would be too long; report.json has it.";
const ROWS_LEFT_OUT = "| ... | report.json has the rest |";
const LONGEST_TEXT = 2000;
const TITLES = {
  findings: "Findings",
  clean: "Clean",
  inconclusive: "Inconclusive: the question could not be answered",
};

/** A summary for a job's page: a table of findings, then each with what is needed to act on it. */
export function renderMarkdown(unredacted: Report, options: Redaction): string {
  const report = redactReport(unredacted, options);
  const about = [accepted(report), obstacles(report), coverage(report)];
  const parts = [
    head(report),
    jobs(report),
    table(report),
    ...fitting(report.findings.map(details), MOST_DETAILS),
    ...fitting(about, MOST_ABOUT),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** As many as there is room for, and a sentence in place of the others. */
function fitting(parts: readonly string[], room: number, rest = LEFT_OUT): string[] {
  let size = 0;
  const end = parts.findIndex((part) => {
    size += Buffer.byteLength(part) + 2;
    return size > room;
  });
  return end < 0 ? [...parts] : [...parts.slice(0, end), rest];
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
  return [
    "| run | under | outcome | time |",
    "| --- | --- | --- | --- |",
    ...fitting(rows, MOST_ROWS, ROWS_LEFT_OUT),
  ].join("\n");
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
      crossing(finding),
      finding.blame,
      finding.confidence,
      finding.probes.join(", "),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    "| finding | what | call that crossed | whose | how sure | seen by |",
    "| --- | --- | --- | --- | --- | --- |",
    ...fitting(rows, MOST_ROWS, ROWS_LEFT_OUT),
  ].join("\n");
}

/** The title names the place itself. */
function crossing({ stacks }: Finding): string {
  const frame = stacks[0]?.frames.find(({ boundary }) => boundary);
  return frame === undefined ? "" : code(nameOf(frame));
}

function details(finding: Finding): string {
  const steps = finding.nextSteps.flatMap(({ why, command }) => [
    `- ${text(why)}`,
    ...(command === null ? [] : ["", fenced([command]), ""]),
  ]);
  return [
    "<details>",
    `<summary>${html(finding.code)}: ${html(finding.title)}</summary>`,
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
  return inert(given, (plain) => plain.replace(/[\\*_{}[\]()#+!|~$-]/g, (char) => `\\${char}`).replace(/`/g, entity));
}

/** The same inside of HTML, where a backslash would be shown. */
function html(given: string): string {
  return inert(given, (plain) => plain.replace(/[\\`*[\]!|~]/g, entity));
}

function entity(char: string): string {
  return `&#${char.charCodeAt(0)};`;
}

/** A space without width: what an entity stands for is read before links and mentions are looked for, so that it would not keep from them. */
const GAP = "&#8203;";

/** Nor does a code host make links of names, numbers and addresses. */
function inert(given: string, withoutMarkup: (plain: string) => string): string {
  const plain = escapeText(given, LONGEST_TEXT).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  return withoutMarkup(plain)
    .replace(/(?<!\w)@(?=\w)/g, `@${GAP}`)
    .replace(/(?<!&)#(?=\w)/g, `#${GAP}`)
    .replace(/:\/\//g, `:${GAP}//`)
    .replace(/\bwww\./gi, `www${GAP}.`);
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
