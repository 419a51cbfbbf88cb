import type { Report } from "../model/report.js";
import { type Redaction, redactReport } from "./redact.js";

/** report.json: the report itself, in two-space JSON with a final newline. */
export function renderJson(report: Report, options: Redaction): string {
  return `${JSON.stringify(redactReport(report, options), null, 2)}\n`;
}
