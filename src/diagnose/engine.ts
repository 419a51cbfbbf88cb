import type { Evidence } from "../model/evidence.js";
import type { Finding } from "../model/finding.js";
import type { Confidence, Severity } from "../model/primitives.js";
import { checkedFinding } from "./checked-finding.js";
import { firstOfEach } from "./consequences.js";
import { crashFinding } from "./crash-finding.js";
import type { RuleContext } from "./diagnosis.js";
import { loadFinding } from "./load-finding.js";
import { joinWitnesses } from "./witnesses.js";

const SEVERITIES: readonly Severity[] = ["error", "warning", "note"];
const CONFIDENCES: readonly Confidence[] = ["proved", "likely", "hint"];

/** All that is wrong, the one to read first first. Pure: the same evidence gives the same findings. */
export function diagnose(evidence: Evidence): Finding[] {
  const context: RuleContext = { evidence };
  // In the order in which they happened: a sort that keeps it puts the first mistake before its consequences.
  const findings = [
    ...firstOfEach(evidence.checkerErrors).flatMap((error) => checkedFinding(error, evidence.runs)),
    ...evidence.crashes.flatMap((crash) => crashFinding(crash, context)),
    ...evidence.loadFailures.map((failure) => loadFinding(failure, evidence)),
  ];
  return joinWitnesses(counted(findings)).sort(
    (a, b) =>
      SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
      CONFIDENCES.indexOf(a.confidence) - CONFIDENCES.indexOf(b.confidence),
  );
}

/** The same finding of several runs, processes or instruments is one, counted. */
function counted(findings: readonly Finding[]): Finding[] {
  const merged = new Map<string, Finding>();
  for (const finding of findings) {
    const known = merged.get(finding.fingerprint);
    merged.set(finding.fingerprint, known === undefined ? finding : again(known, finding));
  }
  return [...merged.values()];
}

function again(known: Finding, finding: Finding): Finding {
  const seen = known.occurrences.seen + finding.occurrences.seen;
  return {
    ...known,
    probes: [...new Set([...known.probes, ...finding.probes])],
    occurrences: { ...known.occurrences, seen },
  };
}
