import type { DecodedStep, Recording, StepEnd } from "../../model/recording.js";
import { coverageOf, lostPart } from "./coverage.js";
import { decodeCrash } from "./decode-crash.js";
import { decodeLoadFailures } from "./load-failures.js";
import { decodeProcesses } from "./processes.js";
import { type RawOf, type RawRecord, readRecords } from "./records.js";

/** The events of one process, in the order in which gdb saw them. */
export type RawEvent = RawOf<"stop"> | RawOf<"panic"> | RawOf<"exit"> | RawOf<"interrupted">;

/** A gdb step's recording, whole or cut anywhere, as evidence. Never throws for what is in it. */
export function decodeGdb(recording: Recording, end: StepEnd): DecodedStep {
  const { records, damaged } = readRecords(recording.text("gdb.jsonl") ?? "");
  const processes = decodeProcesses(records, end);
  const crashes = processes.flatMap((process) => {
    const events = records.filter((record): record is RawEvent => isEvent(record) && record.pid === process.pid);
    const crash = decodeCrash(process, events, records);
    return crash === null ? [] : [crash];
  });
  const files = records.flatMap((record): DecodedStep["files"] =>
    record.k === "process"
      ? [{ path: record.exe, program: true }]
      : record.k === "library"
        ? [{ path: record.path, program: false }]
        : [],
  );
  return {
    processes,
    crashes,
    loadFailures: decodeLoadFailures(records, processes),
    checkerErrors: [],
    coverage: [coverageOf(records, damaged, end)],
    lost: lostPart(records, damaged, end),
    files: [...new Map(files.map((file) => [file.path, file])).values()],
  };
}

export function isEvent(record: RawRecord): record is RawEvent {
  return record.k === "stop" || record.k === "panic" || record.k === "exit" || record.k === "interrupted";
}
