import { describe, expect, it } from "vitest";
import { captureStatus, reportStatus } from "../../../src/cli/exit-code.js";
import type { Confidence, Outcome, Severity } from "../../../src/model/primitives.js";
import type { Report, Verdict } from "../../../src/model/report.js";
import { finding, report } from "../render/reports.js";

function ended(change: Partial<Outcome>, severities: Severity[] = [], verdict: Verdict = "clean") {
  const confidence: Confidence = "likely";
  return report(
    {
      findings: severities.map((severity) => finding({ severity, confidence })),
      verdict: severities.length > 0 ? "findings" : verdict,
    },
    { outcome: { exitCode: null, signal: null, timedOut: false, ...change } },
  );
}

const crashed = { signal: "SIGSEGV" };

describe("the status of gdb-capture", () => {
  it.each([
    ["clean, the target's own 0", ended({ exitCode: 0 }), "error", "target", 0],
    ["clean, the target's own 7", ended({ exitCode: 7 }), "error", "target", 7],
    ["clean, but the doctor's status was asked for", ended({ exitCode: 7 }), "error", "doctor", 0],
    ["a signal that is no finding", ended({ signal: "SIGTERM" }), "error", "target", 143],
    ["a signal that is no finding, the doctor's status", ended({ signal: "SIGKILL" }), "error", "doctor", 0],
    ["an error", ended(crashed, ["error"]), "error", "target", 1],
    ["an error, the doctor's status", ended(crashed, ["error"]), "error", "doctor", 1],
    ["a warning below --fail-on", ended({ exitCode: 7 }, ["warning"]), "error", "target", 7],
    ["a warning at --fail-on", ended({ exitCode: 0 }, ["warning"]), "warning", "target", 1],
    ["a note at --fail-on", ended({ exitCode: 0 }, ["note"]), "note", "target", 1],
    ["an error above --fail-on", ended(crashed, ["note", "error"]), "warning", "target", 1],
    ["inconclusive", ended({ exitCode: 0 }, [], "inconclusive"), "error", "target", 3],
    ["inconclusive, the doctor's status", ended({ exitCode: 0 }, [], "inconclusive"), "error", "doctor", 3],
    ["an end that was not seen", ended({}), "error", "target", 0],
  ] as const)("%s", (_, given, failOn, exitCode, status) => {
    expect(captureStatus(given, { failOn, exitCode }).status).toBe(status);
  });

  it("says whose it is", () => {
    const whose = (given: ReturnType<typeof ended>) =>
      captureStatus(given, { failOn: "error", exitCode: "target" }).whose;
    expect(whose(ended({ exitCode: 1 }))).toContain("target");
    expect(whose(ended(crashed, ["error"]))).toContain("ffi-doctor");
  });
});

it.each([
  [ended({ exitCode: 7 }), 0],
  [ended(crashed), 0],
  [ended(crashed, ["error"]), 1],
  [ended(crashed, ["warning"]), 0],
  [ended({}, [], "inconclusive"), 3],
] as const)("the status of report leaves the target's out (%#)", (given, status) => {
  expect(reportStatus(given, "error").status).toBe(status);
});

describe("with a baseline, or several commands", () => {
  const known = finding({ known: true });
  const obstacles = [{ what: "it hung", why: "?", mend: null }];
  const jobs: NonNullable<Report["run"]["jobs"]> = [];

  it.each([
    ["what is known fails nothing", report({ findings: [known] }), 0],
    ["what is new does", report({ findings: [finding(), known] }), 1],
    ["what is known answers nothing", report({ findings: [known], obstacles }), 3],
    ["a new warning answers it", report({ findings: [finding({ severity: "warning" })], obstacles }), 0],
    ["but not for another command", report({ findings: [finding({ severity: "warning" })], obstacles }, { jobs }), 3],
    ["a new error goes first", report({ findings: [finding()], obstacles }, { jobs }), 1],
  ])("%s", (_, given, status) => {
    expect(captureStatus(given, { failOn: "error", exitCode: "doctor" }).status).toBe(status);
  });
});
