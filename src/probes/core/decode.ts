import type { Crash } from "../../model/crash.js";
import type { Obstacle } from "../../model/evidence.js";
import type { DecodedStep, Recording, StepEnd } from "../../model/recording.js";
import { isEvent, type RawEvent } from "../gdb/decode.js";
import { decodeCrash } from "../gdb/decode-crash.js";
import { decodeProcesses } from "../gdb/processes.js";
import { type RawOf, type RawRecord, readRecords } from "../gdb/records.js";
import { coverageOf } from "./coverage.js";
import { verdictOf } from "./verdict.js";

/** What is told once of a core, and holds for each event in it. */
const SHARED: ReadonlySet<RawRecord["k"]> = new Set([
  "maps",
  "modules",
  "abort-message",
  "thread",
  "goroutines",
  "heavy-end",
]);
/** Signals of a fault or an abort; of any other that ends a process with a core, somebody sent it. */
const FAULTS: ReadonlySet<string> = new Set(["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS", "SIGTRAP"]);

/** What gdb read from a core, whole or cut anywhere, as evidence. Never throws for what is in it. */
export function decodeCore(recording: Recording, end: StepEnd): DecodedStep {
  const read = readRecords(recording.text("gdb.jsonl") ?? "");
  const records = inOrder(read.records);
  const processes = decodeProcesses(records, end);
  const process = processes[0];
  const events = records.filter((record): record is RawEvent => isEvent(record) && record.pid === process?.pid);
  const crashed = process === undefined ? null : decodeCrash(process, events, records);
  const decoded: Crash | null = crashed === null ? null : { ...crashed, probe: "core" };
  const { crash, obstacles } = judged(decoded, events, records);
  return {
    processes,
    crashes: crash === null ? [] : [crash],
    loadFailures: [],
    checkerErrors: [],
    coverage: [coverageOf(records, read.damaged, crash, end)],
    lost: obstacles.length > 0 ? null : lostPart(records, read.damaged, end),
    obstacles,
    files: filesOf(records),
  };
}

/**
 * The thread that died was recorded first, as gdb may not live to the end. Here what happened on other threads comes first, as a runtime
 * that gives up has its last thread end the process, and the event of which it died comes last. Events are numbered anew in that order,
 * and what is told once is given to each of them.
 */
function inOrder(records: readonly RawRecord[]): RawRecord[] {
  const events = records.filter(isEvent);
  const died = records.find((record) => record.k === "terminal");
  const last = events.find((event) => died?.k === "terminal" && event.ev === died.ev);
  const rank = (event: RawEvent): number => (event === last ? 2 : event.tid === last?.tid ? 1 : 0);
  const ordered = [...events].sort((a, b) => rank(a) - rank(b));
  const renamed = new Map(ordered.map((event, i) => [event.ev, i]));
  const rest = records.flatMap((record): RawRecord[] => {
    if (isEvent(record) || !("ev" in record)) {
      return isEvent(record) ? [] : [record];
    }
    return SHARED.has(record.k)
      ? ordered.map((_, i) => ({ ...record, ev: i }))
      : [{ ...record, ev: renamed.get(record.ev) ?? record.ev }];
  });
  return [...rest, ...ordered.map((event, i) => ({ ...event, ev: i }))];
}

/** The crash with its verdict; for a process that somebody else ended, or nobody, where it was. */
function judged(
  crash: Crash | null,
  events: readonly RawEvent[],
  records: readonly RawRecord[],
): { crash: Crash | null; obstacles: Obstacle[] } {
  const refused = records.find((record): record is RawOf<"refused"> => record.k === "refused");
  if (refused !== undefined) {
    return { crash: null, obstacles: [unread(refused.why)] };
  }
  const stops = events.filter((event): event is RawOf<"stop"> => event.k === "stop");
  const terminal = stops.find((stop) => stop.ev === crash?.terminal);
  const pick = stops.find((stop) => stop.ev === crash?.pick);
  if (crash === null || (terminal === undefined && !events.some(({ k }) => k === "interrupted"))) {
    return { crash, obstacles: [] };
  }
  if (terminal === undefined || pick === undefined) {
    return { crash, obstacles: [alive()] };
  }
  const role = crash.timeline.find(({ id }) => id === crash.pick)?.role;
  if (!FAULTS.has(terminal.sig) || role === "sent") {
    return { crash: { ...crash, terminal: null }, obstacles: [sent(terminal)] };
  }
  const core = verdictOf(crash, pick, terminal);
  return { crash: { ...crash, core, pickReason: `${crash.pickReason}; ${core.reason}` }, obstacles: [] };
}

function unread(why: string): Obstacle {
  return {
    what: "gdb could not read the core",
    why,
    mend: "tool.out in the run directory has gdb's own words; if the file was copied, compare its size",
  };
}

function alive(): Obstacle {
  return {
    what: "the process had not died when this core was taken",
    why: "it holds no signal: gcore or another debugger wrote it",
    mend: "see below where its threads were; ffi-doctor gdb-capture --attach <pid> waits for the crash",
  };
}

function sent({ sig, si, pid }: RawOf<"stop">): Obstacle {
  const by = si.sender === undefined ? "" : si.sender === pid ? " by the process itself" : ` by process ${si.sender}`;
  return {
    what: `the process did not crash: ${sig} was sent to it${by}`,
    why: "this core is first-hand, and shows no fault",
    mend: "see below where its threads were when it came",
  };
}

function lostPart(records: readonly RawRecord[], damaged: number, end: StepEnd): string | null {
  if (!records.some((record) => record.k === "attached")) {
    return end.tool.signal === null ? "gdb recorded nothing" : `gdb was ended by ${end.tool.signal} before it recorded`;
  }
  const last = records.find((record) => record.k === "end");
  if (last === undefined) {
    return "gdb ended early";
  }
  return damaged > 0 ? `${damaged} lines of the recording are cut or damaged` : null;
}

function filesOf(records: readonly RawRecord[]): DecodedStep["files"] {
  const files = records.flatMap((record): DecodedStep["files"] =>
    record.k === "process"
      ? [{ path: record.exe, program: true }]
      : record.k === "library"
        ? [{ path: record.path, program: false, ...(record.foreign === undefined ? {} : { foreign: record.foreign }) }]
        : [],
  );
  return [...new Map(files.map((file) => [file.path, file])).values()];
}
