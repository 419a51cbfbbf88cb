// shows-crash.mjs <report.json>: status 0 when the report shows a first-hand crash inside the storage shim.
import { readFileSync } from "node:fs";

const SHIM = "libffi_doctor_store";
const [file] = process.argv.slice(2);
let report = { verdict: "none", findings: [] };
try {
  report = JSON.parse(readFileSync(file, "utf8"));
} catch (error) {
  console.error(`${file}: ${error.message}`);
}
const shown = report.findings.some(
  (finding) =>
    finding.signal !== undefined &&
    finding.signal !== null &&
    finding.stacks.some(
      ({ role, frames }) => role === "fault" && frames.some(({ module }) => (module ?? "").includes(SHIM)),
    ),
);
if (report.verdict !== "findings" || !shown) {
  console.error(`${file}: verdict ${report.verdict}; no finding has a signal and a stack through ${SHIM}`);
  process.exitCode = 1;
}
