import { constants } from "node:os";
import type { ProcessInfo } from "../../model/evidence.js";
import type { Outcome } from "../../model/primitives.js";
import type { StepEnd } from "../../model/recording.js";
import { isEvent } from "./decode.js";
import type { RawOf, RawRecord } from "./records.js";

const SIGNAL_NAMES = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** One for each process that executed something, or that something happened to; the last execve tells its command. */
export function decodeProcesses(records: readonly RawRecord[], end: StepEnd): ProcessInfo[] {
  const found = new Map<number, ProcessInfo>();
  const of = (pid: number): ProcessInfo => {
    const process = found.get(pid) ?? { pid, parent: null, command: [], outcome: unknown() };
    found.set(pid, process);
    return process;
  };
  for (const record of records) {
    if (record.k === "process") {
      Object.assign(of(record.pid), { parent: record.parent ?? null, command: record.argv });
    } else if (isEvent(record)) {
      of(record.pid);
    }
  }
  for (const process of found.values()) {
    process.outcome = outcomeOf(process.pid, records, end);
  }
  return [...found.values()];
}

/** gdb lets a process go at the stop of which it certainly dies, and so sees the end of the others only. */
function outcomeOf(pid: number, records: readonly RawRecord[], end: StepEnd): Outcome {
  if (pid === end.pid && !end.attached) {
    return end.outcome;
  }
  const exited = records.find((record): record is RawOf<"exited"> => record.k === "exited" && record.pid === pid);
  if (exited !== undefined) {
    return { exitCode: exited.code ?? null, signal: signalName(exited.signal), timedOut: false };
  }
  const terminal = records.find((record) => record.k === "terminal" && record.pid === pid);
  const stop = records.find((record) => record.k === "stop" && terminal?.k === "terminal" && record.ev === terminal.ev);
  return stop?.k === "stop" ? { exitCode: null, signal: stop.sig, timedOut: false } : unknown();
}

function signalName(number: number | null | undefined): string | null {
  return number === null || number === undefined ? null : (SIGNAL_NAMES.get(number) ?? `signal ${number}`);
}

function unknown(): Outcome {
  return { exitCode: null, signal: null, timedOut: false };
}
