import type { Evidence } from "../model/evidence.js";
import { REPORT_SCHEMA_VERSION, type Report } from "../model/report.js";
import { catalogue } from "./catalogue.js";
import { diagnose } from "./engine.js";
import { verdictOf } from "./verdict.js";

/** Verdict, findings and coverage of a run: findings, else inconclusive, else clean. */
export function buildReport(input: { evidence: Evidence; run: Report["run"]; toolVersion: string }): Report {
  const { evidence, run, toolVersion } = input;
  const findings = diagnose(evidence);
  const codes = [...new Set(findings.map(({ code }) => code))];
  return {
    schemaVersion: REPORT_SCHEMA_VERSION,
    tool: { name: "ffi-doctor", version: toolVersion },
    run,
    verdict: verdictOf({ findings, obstacles: evidence.obstacles }),
    findings,
    obstacles: evidence.obstacles,
    letGo: evidence.crashes
      .filter(({ terminal }) => terminal === null)
      .map(({ pid, command, threads }) => ({ pid, command, threads })),
    experiments: [],
    suppressed: [],
    baseline: null,
    coverage: evidence.coverage,
    catalogue: Object.fromEntries(
      codes.map((code) => {
        const { title, severity, help } = catalogue[code];
        return [code, { title, severity, help }];
      }),
    ),
  };
}
