import type { LoadFailure } from "../model/crash.js";
import type { Evidence } from "../model/evidence.js";
import type { Finding } from "../model/finding.js";
import { catalogue } from "./catalogue.js";
import { loadFingerprint } from "./fingerprint.js";
import { diagnoseLoad } from "./load-failures.js";
import { severityOf } from "./severity.js";

/** A library or symbol that the dynamic linker could not find. */
export function loadFinding(failure: LoadFailure, evidence: Evidence): Finding {
  const { blame, blameReason, confidence, ...diagnosis } = diagnoseLoad(failure);
  const entry = catalogue[diagnosis.code];
  return {
    ...diagnosis,
    severity: severityOf(entry.severity, confidence),
    confidence,
    blame,
    blameReason,
    pid: failure.pid,
    cwe: entry.cwe,
    probes: ["gdb"],
    fingerprint: loadFingerprint(diagnosis.code, failure),
    causeKey: `load:${failure.library ?? ""}:${failure.symbol ?? ""}`,
    occurrences: { seen: 1, runs: evidence.runs },
    stacks: [],
    boundaryCalls: [],
    docs: `docs/findings/${diagnosis.code}.md`,
  };
}
