import type { Crash } from "../model/crash.js";
import type { Finding } from "../model/finding.js";
import { blameOf } from "./blame.js";
import { catalogue } from "./catalogue.js";
import { placeKey } from "./cause.js";
import { faultFrames, type RuleContext } from "./diagnosis.js";
import { findingBlock } from "./finding-block.js";
import { crashFingerprint } from "./fingerprint.js";
import { nextSteps } from "./next-steps.js";
import { rules } from "./rules/index.js";
import { severityOf } from "./severity.js";

/** A process that was let go alive, or that somebody else killed, has no mistake to show. */
export function crashFinding(crash: Crash, context: RuleContext): Finding[] {
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
      evidence: [...coreVerdict(crash), ...diagnosis.evidence, ...ownReport(crash)],
      pid: crash.pid,
      cwe: entry.cwe,
      probes: [crash.probe],
      fingerprint: crashFingerprint(diagnosis.code, crash),
      causeKey: placeKey(faultFrames(crash)),
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
      ...findingBlock(
        diagnosis.block ?? null,
        null,
        diagnosis.stacks?.find(({ role }) => role === "alloc")?.frames ?? [],
      ),
      timeline: crash.timeline,
      stacks: [
        { role: "fault", thread: name, frames: [...faultFrames(crash)], truncated: thread?.truncated ?? null },
        ...(diagnosis.stacks ?? []),
      ],
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
        core: crash.core,
        goroutines: crash.goroutines,
      },
    },
  ];
}

function threadName(tid: number, name: string | null, goroutine: number | null): string {
  return `${tid}${name === null ? "" : ` ${name}`}${goroutine === null ? "" : ` (goroutine ${goroutine})`}`;
}

/** Whether a core shows the fault itself, before anything is read from it. */
function coreVerdict({ core }: Crash): string[] {
  return core === null ? [] : [`this core is ${core.firstHand ? "first-hand" : "second-hand"}: ${core.reason}`];
}

/** What the runtime wrote about its own death, beside what was captured at the first hand. */
function ownReport(crash: Crash): string[] {
  const report = crash.hostReport;
  return report === null ? [] : [`${report.from} (${report.file}) has for the place: ${report.frame}`];
}
