import type { Coverage } from "../../model/evidence.js";
import type { StepEnd } from "../../model/recording.js";
import type { RawRecord } from "./records.js";

const LOOKED_FOR = [
  "fatal signals (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS) in every process of the target, and what each meant",
  "fatal exits of a Go runtime, and crash handlers that end in _exit",
  "Rust panics that end the process",
  "libraries and symbols that the dynamic linker could not find",
];

type BlindSpot = Coverage["blindSpots"][number];

/** What gdb's side looked for, and what it could not see. */
export function coverageOf(records: readonly RawRecord[], damaged: number, end: StepEnd): Coverage {
  return {
    probe: "gdb",
    lookedFor: LOOKED_FOR,
    blindSpots: [...recordingSpots(records, damaged, end), ...targetSpots(records, end)],
    notShown: [],
  };
}

/** Why a recording without a crash does not mean that there was none; null for one that is whole. */
export function lostPart(records: readonly RawRecord[], damaged: number, end: StepEnd): string | null {
  if (!records.some((record) => record.k === "attached")) {
    return "the recording is empty";
  }
  const last = records.find((record) => record.k === "end");
  if (last === undefined && !records.some((record) => record.k === "interrupted")) {
    return `gdb ended early, ${endOf(end)}`;
  }
  if (last?.k === "end" && last.full) {
    return "part of the recording could not be written (disk full?)";
  }
  return damaged > 0 ? `${damaged} lines of the recording are cut or damaged` : null;
}

function endOf(end: StepEnd): string {
  return end.tool.signal === null ? `with status ${end.tool.exitCode ?? "unknown"}` : `by ${end.tool.signal}`;
}

function recordingSpots(records: readonly RawRecord[], damaged: number, end: StepEnd): BlindSpot[] {
  const spots: BlindSpot[] = [];
  const again = "run it again; gdb.out in the run directory has gdb's own words";
  const last = records.find((record) => record.k === "end");
  const bug = records.find((record) => record.k === "bug");
  if (bug?.k === "bug") {
    spots.push({
      what: "what happened after a mistake of the recorder",
      why: bug.why,
      mend: "report it with gdb.jsonl",
    });
  } else if (last === undefined && records.some((record) => record.k === "attached")) {
    if (!records.some((record) => record.k === "interrupted")) {
      spots.push({ what: "what happened after gdb ended", why: `gdb ended early, ${endOf(end)}`, mend: again });
    }
  }
  if (damaged > 0) {
    spots.push({ what: `${damaged} lines of the recording`, why: "they are cut or damaged", mend: again });
  }
  if (last?.k === "end" && last.full) {
    spots.push({
      what: "part of the recording",
      why: "it could not be written (disk full?)",
      mend: "free space, or --out elsewhere",
    });
  }
  for (const record of records) {
    if (record.k === "warning" && spots.length < 12) {
      spots.push({ what: record.what, why: record.why, mend: null });
    }
  }
  return spots;
}

function targetSpots(records: readonly RawRecord[], end: StepEnd): BlindSpot[] {
  const spots: BlindSpot[] = [];
  const attached = records.find((record) => record.k === "attached");
  if (attached?.k === "attached" && attached.machine !== "x86_64") {
    spots.push({
      what: "the accessed address of faults for which the kernel gives none",
      why: `instructions of ${attached.machine} are not taken apart yet`,
      mend: null,
    });
  }
  if (end.outcome.signal === "SIGKILL" && !end.outcome.timedOut && end.stopped !== true) {
    spots.push({
      what: "who sent SIGKILL, and why",
      why: "the kernel tells nobody; most often it was the out-of-memory killer",
      mend: "dmesg | grep -i 'killed process'",
    });
  }
  if (end.leftRunning.length > 0 && !end.attached) {
    spots.push({
      what: `what processes ${end.leftRunning.join(", ")} did later`,
      why: "they outlived the command and were let go",
      mend: "ffi-doctor gdb-capture --attach <pid>",
    });
  }
  if (end.attached) {
    spots.push({ what: "what happened before gdb attached", why: "the process was running already", mend: null });
  }
  return spots;
}
