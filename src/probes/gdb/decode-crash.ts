import type { Crash, SignalEvent, ThreadStack } from "../../model/crash.js";
import type { ProcessInfo } from "../../model/evidence.js";
import type { RawEvent } from "./decode.js";
import { decodeFrames } from "./decode-frames.js";
import { decodeMaps, decodeMemory, regionOf, stackBounds } from "./decode-memory.js";
import { accessOf } from "./operand.js";
import type { RawFrame, RawOf, RawRecord } from "./records.js";
import { assignRoles, type RoleInput, type Verdict } from "./roles.js";
import { noSignal, signalInfo } from "./signals.js";

/** Handled signals beyond this many at each end of the timeline are counted, not listed. */
const BENIGN_KEPT = 8;

/** What was seen at the event a process died of, or where it was found when it was let go; null for a process that fared well. */
export function decodeCrash(
  process: ProcessInfo,
  events: readonly RawEvent[],
  records: readonly RawRecord[],
): Crash | null {
  const verdict = assignRoles(
    events.map((event) => roleInput(event, records)),
    process.outcome.exitCode,
  );
  const stopped = events.findLast((event) => event.k === "interrupted");
  const pick = events.find((event) => event.ev === verdict.pick) ?? stopped;
  if (pick === undefined) {
    return null;
  }
  const terminal = events.find((event) => event.ev === verdict.terminal) ?? null;
  const source = captureOf(pick, terminal, records);
  const all = timelineOf(events, verdict);
  const kept = keepBenign(all);
  const signal = signalOf(pick);
  const registers = pick.k === "stop" ? registersOf(pick) : [];
  const maps = decodeMaps(find(records, "maps", source)?.rows ?? []);
  const access = pick.k === "stop" ? accessAt(pick, signal.address) : null;
  return {
    probe: "gdb",
    pid: process.pid,
    command: process.command,
    executable: pick.exe === "" ? null : pick.exe,
    hostRuntime: "unknown",
    pick: pick.ev,
    terminal: terminal?.ev ?? null,
    pickReason:
      verdict.pick === null ? "this is where the process was when it was let go; it had not died" : verdict.reason,
    timeline: kept,
    benignOmitted: all.length - kept.length,
    signal,
    access,
    region: access?.address ? regionOf(access.address, maps) : null,
    instruction: pick.k === "stop" ? (pick.insn ?? null) : null,
    disassembly: (find(records, "disassembly", source)?.rows ?? []).map(([pc, text]) => ({
      pc,
      text,
      current: pc === pick.pc,
    })),
    registers,
    stackBounds: stackBounds(registers, maps),
    memory: decodeMemory(find(records, "memory", source)?.rows ?? [], registers, maps),
    maps,
    modules: modulesOf(records, source),
    unloaded: (find(records, "unloaded", source)?.rows ?? []).map(([path, start, end]) => ({ path, start, end })),
    threads: threadsOf(pick, source, records),
    hostReport: null,
    handlers: handlersBefore(pick, process.pid, records),
    abortMessage: abortMessage(pick, source, records) ?? lastWords(pick, terminal, process.pid, records),
    core: null,
    goroutines: (find(records, "goroutines", source)?.groups ?? []).map(({ frames, ...group }) => ({
      ...group,
      frames: decodeFrames(frames),
    })),
    incomplete: incomplete(pick, source, records),
  };
}

function roleInput(event: RawEvent, records: readonly RawRecord[]): RoleInput {
  const common = {
    id: event.ev,
    pid: event.pid,
    tid: event.tid,
    goroutine: find(records, "stack", event.ev)?.goid ?? null,
    pc: event.pc,
    executable: event.exe,
    code: 0,
    sender: null,
  };
  const none = { sp: null, signal: "", module: null, siginfo: {} };
  if (event.k === "stop") {
    return {
      ...common,
      kind: "signal",
      sp: event.regs["rsp"] ?? null,
      signal: event.sig,
      code: event.si.code ?? 0,
      sender: event.si.sender ?? null,
      disposition: event.disp,
      module: event.mod ?? null,
      frames: find(records, "stack", event.ev)?.frames ?? event.frames,
      siginfo: event.si,
      standing: event.source === "trampoline" || event.source === "sigpanic",
    };
  }
  const frames = event.k === "exit" ? event.frames : (find(records, "stack", event.ev)?.frames ?? []);
  const kind = event.k === "interrupted" ? "stopped" : event.k;
  return { ...common, ...none, kind, disposition: "unknown", frames };
}

/** The event whose full look shows the pick: its own, or the end's where the thread stood at the same place. */
function captureOf(pick: RawEvent, terminal: RawEvent | null, records: readonly RawRecord[]): number {
  if (find(records, "maps", pick.ev) !== undefined || terminal === null) {
    return pick.ev;
  }
  return pick.k === "panic" || terminal.tid === pick.tid ? terminal.ev : pick.ev;
}

function find<
  K extends
    | "maps"
    | "disassembly"
    | "memory"
    | "stack"
    | "modules"
    | "unloaded"
    | "abort-message"
    | "goroutines"
    | "heavy-end",
>(records: readonly RawRecord[], kind: K, event: number): RawOf<K> | undefined {
  return records.find((record): record is RawOf<K> => record.k === kind && "ev" in record && record.ev === event);
}

function signalOf(event: RawEvent): Crash["signal"] {
  switch (event.k) {
    case "stop":
      return signalInfo(event.sig, event.si);
    case "panic":
      return noSignal("PANIC");
    case "exit":
      return noSignal("EXIT");
    case "interrupted":
      return noSignal("STOPPED");
  }
}

function registersOf(event: RawOf<"stop">): Crash["registers"] {
  return Object.entries(event.regs).map(([name, value]) => ({ name, value }));
}

function accessAt(event: RawOf<"stop">, kernelAddress: string | null): Crash["access"] {
  const faulted = (event.sig === "SIGSEGV" || event.sig === "SIGBUS") && (event.si.code ?? 0) > 0;
  return faulted
    ? accessOf({ instruction: event.insn ?? null, registers: event.regs, pc: event.pc, kernelAddress })
    : null;
}

function timelineOf(events: readonly RawEvent[], verdict: Verdict): SignalEvent[] {
  return events.map((event) => {
    const role = verdict.events.find(({ id }) => id === event.ev);
    const top = event.k === "stop" || event.k === "exit" ? event.frames[0] : undefined;
    return {
      id: event.ev,
      atMs: event.t,
      pid: event.pid,
      tid: event.tid,
      threadName: event.name ?? null,
      signal: signalOf(event),
      disposition: event.k === "stop" ? event.disp : "unknown",
      pc: event.pc,
      module: event.k === "stop" ? (event.mod ?? null) : (top?.mod ?? null),
      function: event.k === "panic" ? "rust_panic" : (top?.fn ?? top?.jit ?? null),
      role: role?.role ?? "open",
      of: role?.of ?? null,
      why: role?.why ?? "",
    };
  });
}

function keepBenign(events: readonly SignalEvent[]): SignalEvent[] {
  const benign = events.filter(({ role }) => role === "benign");
  const dropped = new Set(benign.slice(BENIGN_KEPT, -BENIGN_KEPT));
  return events.filter((event) => !dropped.has(event));
}

function modulesOf(records: readonly RawRecord[], source: number): Crash["modules"] {
  return (find(records, "modules", source)?.rows ?? []).map(([path, buildId, base]) => ({
    path,
    soname: null,
    buildId: buildId ?? null,
    debugInfo: false,
    base,
    inQuestion: false,
  }));
}

function threadsOf(pick: RawEvent, source: number, records: readonly RawRecord[]): ThreadStack[] {
  const own = find(records, "stack", pick.ev) ?? find(records, "stack", source);
  const light = pick.k === "stop" || pick.k === "exit" ? pick : null;
  const faulting: ThreadStack = {
    tid: pick.tid,
    name: pick.name ?? null,
    faulting: true,
    goroutine: own?.goid ?? null,
    frames: decodeFrames(interrupted(own?.frames ?? light?.frames ?? [], pick.pc)),
    truncated: (own ?? light)?.stop ?? null,
  };
  const others = records
    .filter((record): record is RawOf<"thread"> => record.k === "thread" && record.ev === source)
    .filter((thread) => thread.tid !== pick.tid)
    .map((thread) => ({
      tid: thread.tid,
      name: thread.name ?? null,
      faulting: false,
      goroutine: thread.goid ?? null,
      frames: decodeFrames(thread.frames),
      truncated: thread.stop ?? null,
    }));
  return [faulting, ...others];
}

/** The pick's own part of a stack that was walked in the handler of its signal: what the signal's trampoline interrupted. */
function interrupted(frames: readonly RawFrame[], pc: string): readonly RawFrame[] {
  const at = frames.findIndex((frame, i) => frame.kind === "signal" && frames[i + 1]?.pc === pc);
  return at < 0 || frames[0]?.pc === pc ? frames : frames.slice(at + 1);
}

const SIGNALS: Record<number, string> = { 4: "SIGILL", 7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV" };
/** A runtime that gives up says so right before it aborts; how much earlier than the abort it may be, in milliseconds. */
const GAVE_UP_MS = 2000;
const SA_ONSTACK = 0x08000000;
const SIG_IGN = 1n;

function handlersBefore(pick: RawEvent, pid: number, records: readonly RawRecord[]): Crash["handlers"] {
  return records
    .filter((record): record is RawOf<"handler"> => record.k === "handler" && record.pid === pid && record.t <= pick.t)
    .map((record) => ({
      signal: SIGNALS[record.sig] ?? String(record.sig),
      handler: BigInt(record.handler) <= SIG_IGN ? null : record.handler,
      module: record.mod ? record.mod : null,
      function: record.fn ?? null,
      onStack: (record.flags & SA_ONSTACK) !== 0,
    }));
}

function abortMessage(pick: RawEvent, source: number, records: readonly RawRecord[]): Crash["abortMessage"] {
  if (pick.k === "panic") {
    return pick.text ? { text: pick.text, from: "the panic's own message" } : null;
  }
  const text = find(records, "abort-message", source)?.text;
  return text ? { text, from: "glibc's message of its last abort" } : null;
}

/** What the runtime said between the pick and the end, when it gave up. */
function lastWords(
  pick: RawEvent,
  terminal: RawEvent | null,
  pid: number,
  records: readonly RawRecord[],
): Crash["abortMessage"] {
  const said = records.find(
    (record): record is RawOf<"said"> => record.k === "said" && record.pid === pid && record.t >= pick.t - GAVE_UP_MS,
  );
  return said === undefined || terminal === null ? null : { text: said.text, from: said.by };
}

function incomplete(pick: RawEvent, source: number, records: readonly RawRecord[]): string | null {
  if (find(records, "heavy-end", source) !== undefined) {
    return null;
  }
  return find(records, "maps", source) === undefined && pick.k === "stop" && !pick.heavy
    ? "at this event only registers and the innermost frames were recorded, as runtimes raise such signals on purpose"
    : "the capture was cut short: gdb or the process ended while it was being taken";
}
