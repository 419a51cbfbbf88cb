import type { CheckerError } from "../model/checker-error.js";
import type { Finding } from "../model/finding.js";
import { catalogue } from "./catalogue.js";
import { placeKey } from "./cause.js";
import { framesOf, shownAt } from "./checked.js";
import { checkedBlame } from "./checked-blame.js";
import { checkedSteps } from "./checked-steps.js";
import { findingBlock } from "./finding-block.js";
import { checkedFingerprint } from "./fingerprint.js";
import { checkedRules } from "./rules/index.js";
import { severityOf } from "./severity.js";

/** The finding that a checker's error is; none for what it tells beside others, such as a block that is reachable still. */
export function checkedFinding(error: CheckerError, runs: number): Finding[] {
  const diagnosis = checkedRules.map((rule) => rule(error)).find((found) => found !== null);
  if (diagnosis === undefined || diagnosis === null) {
    return [];
  }
  const { code, title, message, confidence, evidence } = diagnosis;
  const entry = catalogue[code];
  const blame = diagnosis.blame ?? checkedBlame(error, code);
  return [
    {
      code,
      title,
      message,
      severity: severityOf(entry.severity, confidence),
      confidence,
      blame: blame.side,
      blameReason: blame.reason,
      evidence,
      pid: error.pid,
      cwe: entry.cwe,
      probes: [error.probe],
      fingerprint: checkedFingerprint(code, error),
      causeKey: placeKey(shownAt(error)),
      occurrences: { seen: error.seen, runs },
      ...(error.signal === null ? {} : { signal: signalOf(error, error.signal) }),
      ...(error.access === null ? {} : { access: { kind: error.access.kind, size: error.access.size } }),
      ...findingBlock(error.block, error.access?.address ?? null, framesOf(error, "alloc")),
      ...(error.damage === undefined ? {} : { changed: error.damage.changed }),
      stacks: error.stacks,
      boundaryCalls: [],
      nextSteps: checkedSteps(error, code),
      docs: `docs/findings/${code}.md`,
    },
  ];
}

function signalOf(error: CheckerError, signal: NonNullable<CheckerError["signal"]>): NonNullable<Finding["signal"]> {
  return {
    name: signal.name,
    code: signal.codeName,
    address: error.access?.address ?? signal.address,
    forged: signal.forged,
    insn: null,
    thread: `${error.tid ?? "?"}${error.threadName === null ? "" : ` ${error.threadName}`}`,
  };
}
