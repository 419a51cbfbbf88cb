import type { Finding } from "../model/finding.js";
import type { Severity } from "../model/primitives.js";
import type { Report } from "../model/report.js";
import { isUnanswered } from "../model/unanswered.js";
import { escapeText } from "./escape.js";
import { plainStack } from "./plain-stack.js";
import { type Redaction, redactReport } from "./redact.js";

export interface JunitOptions extends Redaction {
  /** Findings from here on fail. */
  failOn: Severity;
}

const RANK: Record<Severity, number> = { error: 3, warning: 2, note: 1 };
const LONGEST_TEXT = 4000;
const INDENT = "  ";

/**
 * JUnit's XML in the form that Jenkins, GitLab and most others read: the command is one test case, which fails to be judged when the
 * run was inconclusive, and each finding is one that fails, or is skipped when it is below what fails.
 */
export function renderJunit(unredacted: Report, options: JunitOptions): string {
  const report = redactReport(unredacted, options);
  const failing = report.findings.filter(
    ({ severity, known }) => known !== true && RANK[severity] >= RANK[options.failOn],
  );
  const skipped = report.findings.length - failing.length + report.suppressed.length;
  const errors = isUnanswered(report) ? 1 : 0;
  const counts = {
    tests: 1 + report.findings.length + report.suppressed.length,
    failures: failing.length,
    errors,
    skipped,
    time: (report.run.durationMs / 1000).toFixed(3),
  };
  const suite = {
    name: `ffi-doctor ${report.run.verb}`,
    ...counts,
    ...timestamp(report.run.startedAt),
  };
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: "ffi-doctor", ...counts })}>`,
    `${INDENT}<testsuite${attributes(suite)}>`,
    ...properties(report),
    ...commandCase(report),
    ...report.findings.flatMap((finding) => findingCase(report, finding, failing.includes(finding))),
    ...report.suppressed.flatMap((entry) => suppressedCase(report, entry)),
    element("system-err", {}, coverageText(report)),
    `${INDENT}</testsuite>`,
    "</testsuites>",
  ];
  return `${lines.join("\n")}\n`;
}

/** Without a zone, as readers of JUnit's XML expect it; a run directory from elsewhere may say anything. */
function timestamp(startedAt: string): { timestamp?: string } {
  const plain = startedAt.replace(/(\.\d+)?Z$/, "");
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(plain) && !Number.isNaN(Date.parse(plain)) ? { timestamp: plain } : {};
}

function properties(report: Report): string[] {
  const facts: Record<string, string> = {
    tool: `${report.tool.name} ${report.tool.version}`,
    verdict: report.verdict,
    host: [report.run.host.runtime, report.run.host.version].filter((word) => word !== null).join(" "),
  };
  return [
    `${INDENT.repeat(2)}<properties>`,
    ...Object.entries(facts).map(([name, value]) => `${INDENT.repeat(3)}<property${attributes({ name, value })}/>`),
    `${INDENT.repeat(2)}</properties>`,
  ];
}

function commandCase(report: Report): string[] {
  const name = report.run.command.join(" ") || (report.run.jobs === undefined ? "the process" : "all runs");
  const obstacles = report.obstacles.map(
    ({ what, why, mend }) => `${what}: ${why}${mend === null ? "" : `\nmend: ${mend}`}`,
  );
  const body = isUnanswered(report)
    ? [
        element(
          "error",
          { message: report.obstacles[0]?.what ?? "inconclusive", type: "inconclusive" },
          obstacles.join("\n\n"),
        ),
      ]
    : [];
  return testcase(report, name, body);
}

function findingCase(report: Report, finding: Finding, fails: boolean): string[] {
  const message = `${finding.code}: ${finding.title}`;
  const body = fails
    ? element("failure", { message, type: finding.code }, findingText(finding))
    : element(
        "skipped",
        { message: `${finding.known === true ? "in the baseline" : finding.severity}: ${finding.title}` },
        "",
      );
  return testcase(report, `${message} [${finding.fingerprint}]`, [body]);
}

function suppressedCase(report: Report, entry: Report["suppressed"][number]): string[] {
  const { fingerprint, code, title, reason, expires } = entry;
  const name =
    code === undefined ? `suppressed [${fingerprint}]` : `${code}: ${title ?? "suppressed"} [${fingerprint}]`;
  const message = `suppressed: ${reason}${expires === null ? "" : ` (until ${expires})`}`;
  return testcase(report, name, [element("skipped", { message }, "")]);
}

function findingText(finding: Finding): string {
  return [
    finding.message,
    `whose: ${finding.blame}: ${finding.blameReason} (${finding.confidence})`,
    "",
    ...finding.evidence.map((line) => `- ${line}`),
    ...finding.stacks.flatMap((stack) => ["", ...plainStack(stack)]),
    "",
    ...finding.nextSteps.map(({ why, command }) => `next: ${why}${command === null ? "" : `: ${command}`}`),
  ].join("\n");
}

function coverageText(report: Report): string {
  const notices = (report.notices ?? []).map((notice) => `to be noted: ${notice}`);
  const coverage = report.coverage.flatMap(({ probe, blindSpots, notShown }) => [
    ...blindSpots.map(({ what, why }) => `${probe}: not seen: ${what}: ${why}`),
    ...notShown.map(({ what, count }) => `${probe}: not shown: ${count} ${what}`),
  ]);
  return [...notices, ...coverage].join("\n");
}

function testcase(report: Report, name: string, body: readonly string[]): string[] {
  const head = attributes({ classname: `ffi-doctor.${report.run.verb}`, name, time: "0" });
  return body.length === 0
    ? [`${INDENT.repeat(2)}<testcase${head}/>`]
    : [`${INDENT.repeat(2)}<testcase${head}>`, ...body, `${INDENT.repeat(2)}</testcase>`];
}

function element(name: string, given: Record<string, string>, text: string): string {
  const indent = INDENT.repeat(name === "system-err" ? 2 : 3);
  return text === ""
    ? `${indent}<${name}${attributes(given)}/>`
    : `${indent}<${name}${attributes(given)}>${text.split("\n").map(escapeXml).join("\n")}</${name}>`;
}

function attributes(given: Record<string, string | number>): string {
  return Object.entries(given)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join("");
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };

/** Control characters, which XML 1.0 forbids (section 2.2), are written out by `escapeText`; U+FFFE and U+FFFF are forbidden too. */
function escapeXml(text: string): string {
  return escapeText(text, LONGEST_TEXT)
    .replace(/[\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}
