import type { Report, Verdict } from "../model/report.js";

/** Findings, else inconclusive, else clean. */
export function verdictOf({ findings, obstacles }: Pick<Report, "findings" | "obstacles">): Verdict {
  return findings.length > 0 ? "findings" : obstacles.length > 0 ? "inconclusive" : "clean";
}
