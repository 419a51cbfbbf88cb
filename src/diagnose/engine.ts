import type { Crash, LoadFailure } from "../model/crash.js";
import type { Evidence } from "../model/evidence.js";
import type { Finding } from "../model/finding.js";
import type { Confidence, Severity } from "../model/primitives.js";
import { blameOf } from "./blame.js";
import { catalogue } from "./catalogue.js";
import { faultFrames, type RuleContext } from "./diagnosis.js";
import { crashFingerprint, loadFingerprint } from "./fingerprint.js";
import { diagnoseLoad } from "./load-failures.js";
import { nextSteps } from "./next-steps.js";
import { rules } from "./rules/index.js";

const SEVERITIES: readonly Severity[] = ["error", "warning", "note"];
const CONFIDENCES: readonly Confidence[] = ["proved", "likely", "hint"];

/** All that is wrong, the one to read first first. Pure: the same evidence gives the same findings. */
export function diagnose(evidence: Evidence): Finding[] {
  const context: RuleContext = { evidence };
  const findings = [
    ...evidence.crashes.flatMap((crash) => crashFinding(crash, context)),
    ...evidence.loadFailures.map((failure) => loadFinding(failure, evidence)),
  ];
  return merge(findings).sort(
    (a, b) =>
      SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
      CONFIDENCES.indexOf(a.confidence) - CONFIDENCES.indexOf(b.confidence),
  );
}

/** A process that was let go alive, or that somebody else killed, has no mistake to show. */
function crashFinding(crash: Crash, context: RuleContext): Finding[] {
  const pick = crash.timeline.find(({ id }) => id === crash.pick);
  if (crash.terminal === null || pick?.role === "sent") {
    return [];
  }
  const diagnosis = rules.map((rule) => rule(crash, context)).find((found) => found !== null);
  if (diagnosis === undefined || diagnosis === null) {
    return [];
  }
  const thread = crash.threads.find(({ faulting }) => faulting);
  const name = threadName(thread?.tid ?? 0, thread?.name ?? null, thread?.goroutine ?? null);
  const { side, reason } = blameOf(crash, diagnosis);
  const entry = catalogue[diagnosis.code];
  return [
    {
      code: diagnosis.code,
      title: diagnosis.title,
      message: diagnosis.message,
      severity: severityOf(entry.severity, diagnosis.confidence),
      confidence: diagnosis.confidence,
      blame: side,
      blameReason: reason,
      evidence: [...diagnosis.evidence, ...ownReport(crash)],
      pid: crash.pid,
      cwe: entry.cwe,
      probes: ["gdb"],
      fingerprint: crashFingerprint(diagnosis.code, crash),
      causeKey: `crash:${crash.pid}:${crash.pick}`,
      occurrences: { seen: 1, runs: context.evidence.runs },
      signal: {
        name: crash.signal.name,
        code: crash.signal.codeName,
        address: crash.access?.address ?? crash.signal.address,
        forged: crash.signal.forged,
        insn: crash.instruction,
        thread: name,
      },
      ...(crash.access === null ? {} : { access: { kind: crash.access.kind, size: crash.access.size } }),
      timeline: crash.timeline,
      stacks: [{ role: "fault", thread: name, frames: [...faultFrames(crash)], truncated: thread?.truncated ?? null }],
      boundaryCalls: [],
      nextSteps: nextSteps(diagnosis.code, crash, crash.command),
      docs: `docs/findings/${diagnosis.code}.md`,
      capture: {
        registers: crash.registers,
        disassembly: crash.disassembly,
        memory: crash.memory,
        maps: crash.maps,
        modules: crash.modules,
        unloaded: crash.unloaded,
        stackBounds: crash.stackBounds,
        threads: crash.threads,
        pickReason: crash.pickReason,
        benignOmitted: crash.benignOmitted,
        incomplete: crash.incomplete,
      },
    },
  ];
}

function threadName(tid: number, name: string | null, goroutine: number | null): string {
  return `${tid}${name === null ? "" : ` ${name}`}${goroutine === null ? "" : ` (goroutine ${goroutine})`}`;
}

function loadFinding(failure: LoadFailure, evidence: Evidence): Finding {
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

/** A hint is worth a look and never fails a build. */
/** What the runtime wrote about its own death, beside what was captured at the first hand. */
function ownReport(crash: Crash): string[] {
  const report = crash.hostReport;
  return report === null ? [] : [`${report.from} (${report.file}) has for the place: ${report.frame}`];
}

function severityOf(severity: Severity, confidence: Confidence): Severity {
  return confidence === "hint" && severity === "error" ? "warning" : severity;
}

/** The same finding of several runs or processes is one, counted. */
function merge(findings: readonly Finding[]): Finding[] {
  const merged = new Map<string, Finding>();
  for (const finding of findings) {
    const known = merged.get(finding.fingerprint);
    merged.set(
      finding.fingerprint,
      known === undefined
        ? finding
        : { ...known, occurrences: { ...known.occurrences, seen: known.occurrences.seen + 1 } },
    );
  }
  return [...merged.values()];
}
