import { constants } from "node:os";
import type { Options } from "../model/options.js";
import type { Severity } from "../model/primitives.js";
import type { Report } from "../model/report.js";
import { isUnanswered } from "../model/unanswered.js";

/** The statuses that are ffi-doctor's own (design, section 5). */
export const EXIT = { findings: 1, usage: 2, inconclusive: 3, bug: 70 } as const;

const RANK: Record<Severity, number> = { error: 3, warning: 2, note: 1 };
const SIGNAL_BASE = 128;

export interface Status {
  status: number;
  /** Whose status it is, for `-v`. */
  whose: string;
}

/** The exit status of a verb that starts a target. */
export function captureStatus(report: Report, options: Pick<Options, "failOn" | "exitCode">): Status {
  const own = ownStatus(report, options.failOn);
  if (own !== null) {
    return own;
  }
  if (options.exitCode === "doctor") {
    return { status: 0, whose: "ffi-doctor's: nothing at or above --fail-on" };
  }
  const { exitCode, signal } = report.run.outcome;
  if (signal !== null) {
    const number = (constants.signals as Record<string, number>)[signal] ?? 0;
    return { status: SIGNAL_BASE + number, whose: `the target's: 128 and ${signal}` };
  }
  return { status: exitCode ?? 0, whose: "the target's own" };
}

/** The exit status of a verb that starts none. */
export function reportStatus(report: Report, failOn: Severity): Status {
  return ownStatus(report, failOn) ?? { status: 0, whose: "ffi-doctor's: nothing at or above --fail-on" };
}

function ownStatus(report: Report, failOn: Severity): Status | null {
  const fresh = report.findings.filter(({ known }) => known !== true);
  if (fresh.some(({ severity }) => RANK[severity] >= RANK[failOn])) {
    return { status: EXIT.findings, whose: "ffi-doctor's: findings at or above --fail-on" };
  }
  return isUnanswered(report)
    ? { status: EXIT.inconclusive, whose: "ffi-doctor's: the question could not be answered" }
    : null;
}
