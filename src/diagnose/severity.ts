import type { Confidence, Severity } from "../model/primitives.js";

/** A hint is worth a look and never fails a build. */
export function severityOf(severity: Severity, confidence: Confidence): Severity {
  return confidence === "hint" && severity === "error" ? "warning" : severity;
}
