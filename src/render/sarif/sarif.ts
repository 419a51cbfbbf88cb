import type { Report } from "../../model/report.js";
import { isUnanswered } from "../../model/unanswered.js";
import { escapeText } from "../escape.js";
import { type Redaction, redactReport } from "../redact.js";
import { LEVELS, resultOf } from "./results.js";

export interface SarifOptions extends Redaction {
  /** Files below it are named relative to it. */
  sourceRoot: string;
}

const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/**
 * A SARIF 2.1.0 log of one run (OASIS standard). A clean run has an empty list of results, by which a code host closes what is mended;
 * one that could not answer says so in its notifications, and was not executed successfully.
 */
export function renderSarif(unredacted: Report, options: SarifOptions): string {
  const report = redactReport(unredacted, options);
  const codes = [...new Set(report.findings.map(({ code }) => code))];
  const log = {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: report.tool.name,
            version: report.tool.version,
            semanticVersion: report.tool.version,
            rules: codes.map((code) => ruleOf(report, code)),
          },
        },
        automationDetails: { id: `ffi-doctor/${report.run.verb}/` },
        columnKind: "utf16CodeUnits",
        originalUriBaseIds: { "%SRCROOT%": { description: { text: "The root of the checkout." } } },
        invocations: [invocationOf(report)],
        results: report.findings.map((finding) => ({
          ...resultOf(finding, codes.indexOf(finding.code), options.sourceRoot),
          ...(report.baseline === null ? {} : { baselineState: finding.known === true ? "unchanged" : "new" }),
        })),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function ruleOf(report: Report, code: string): unknown {
  const entry = report.catalogue[code];
  const cwe = report.findings.find((finding) => finding.code === code)?.cwe ?? null;
  return {
    id: code,
    name: code,
    shortDescription: { text: entry?.title ?? code },
    fullDescription: { text: entry?.help ?? code },
    help: {
      text: `${entry?.help ?? code} ffi-doctor explain ${code} says more.`,
      markdown: `${entry?.help ?? code}\n\n\`ffi-doctor explain ${code}\` says more.`,
    },
    defaultConfiguration: { level: LEVELS[entry?.severity ?? "error"] },
    properties: { tags: ["ffi", "memory", ...(cwe === null ? [] : [`external/cwe/cwe-${cwe}`])] },
  };
}

function invocationOf(report: Report): unknown {
  const { run } = report;
  const obstacles = report.obstacles.map(({ what, why, mend }) => notification("error", what, why, mend));
  const blind = report.coverage.flatMap(({ blindSpots }) =>
    blindSpots.map(({ what, why, mend }) => notification("note", `not seen: ${what}`, why, mend)),
  );
  const hidden = report.coverage.flatMap(({ probe, notShown }) =>
    notShown.map(({ what, count }) => notification("note", `${probe}: ${count} ${what}`, "they are not shown", null)),
  );
  const accepted = report.suppressed.map(({ fingerprint, code, title, reason, expires }) =>
    notification(
      "note",
      `suppressed: ${code === undefined ? "" : `${code}: `}${title ?? fingerprint}`,
      `${reason}${expires === null ? "" : ` (until ${expires})`}`,
      null,
    ),
  );
  const notices = (report.notices ?? []).map((notice) => notification("warning", "to be noted", notice, null));
  return {
    commandLine: escapeText(run.command.join(" "), 4000),
    ...(isTime(run.startedAt) ? { startTimeUtc: run.startedAt } : {}),
    executionSuccessful: !isUnanswered(report),
    ...(run.outcome.exitCode === null ? {} : { exitCode: run.outcome.exitCode }),
    ...(run.outcome.signal === null ? {} : { exitSignalName: run.outcome.signal }),
    toolExecutionNotifications: [...obstacles, ...notices, ...accepted, ...blind, ...hidden],
  };
}

function notification(level: "error" | "warning" | "note", what: string, why: string, mend: string | null): unknown {
  const text = `${what}: ${why}${mend === null ? "" : ` (mend: ${mend})`}`;
  return { level, message: { text: escapeText(text, 4000) } };
}

/** A run directory from elsewhere may say anything. */
function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text) && !Number.isNaN(Date.parse(text));
}
