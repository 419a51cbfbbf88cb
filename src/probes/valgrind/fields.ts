import type { RawError, RawFatal, RawFrame, RawPart } from "./records.js";

const MOST_PARTS = 16;
/** valgrind's own limit for --num-callers. */
const MOST_FRAMES = 500;

/** An error or a fatal signal that is being read. */
export interface Record {
  of: "error" | "fatal_signal";
  error: RawError;
  fatal: RawFatal;
  frame: RawFrame | null;
  spoiled: boolean;
}

/** An empty one, at its opening tag. */
export function newRecord(of: Record["of"]): Record {
  return {
    of,
    error: { unique: "", tid: null, threadName: null, kind: "", parts: [], leak: null },
    fatal: { tid: null, threadName: null, number: 0, name: "", code: 0, event: null, address: null, frames: [] },
    frame: null,
    spoiled: false,
  };
}

/** A tag in it opens. */
export function begin(record: Record, name: string): void {
  if (name === "frame") {
    record.frame = { ip: "", obj: null, fn: null, dir: null, file: null, line: null };
  } else if (name === "stack" && record.of === "error" && record.error.parts.at(-1)?.frames.length !== 0) {
    // A stack that no sentence explains.
    record.error.parts.push({ text: "", frames: [] });
  }
}

/** A tag in it closes, and this was its text. */
export function field(record: Record, name: string, parent: string, text: string): void {
  if (name === "frame") {
    keepFrame(record);
  } else if (record.frame !== null) {
    frameField(record.frame, name, text);
  } else if (record.of === "error") {
    errorField(record.error, name, parent, text);
  } else {
    fatalField(record.fatal, name, text);
  }
}

function keepFrame(record: Record): void {
  const frames = record.of === "error" ? record.error.parts.at(-1)?.frames : record.fatal.frames;
  if (record.frame !== null && record.frame.ip !== "" && frames !== undefined && frames.length < MOST_FRAMES) {
    frames.push(record.frame);
  }
  record.frame = null;
}

function frameField(frame: RawFrame, name: string, text: string): void {
  switch (name) {
    case "ip":
      frame.ip = hex(text) ?? "";
      break;
    case "obj":
    case "fn":
    case "dir":
    case "file":
      frame[name] = text === "" ? null : text;
      break;
    case "line":
      frame.line = integer(text);
      break;
  }
}

function errorField(error: RawError, name: string, parent: string, text: string): void {
  switch (name) {
    case "unique":
      error.unique = text;
      break;
    case "tid":
      error.tid = integer(text);
      break;
    case "threadname":
      error.threadName = text === "" ? null : text;
      break;
    case "kind":
      error.kind = text;
      break;
    case "what":
    case "auxwhat":
      addPart(error.parts, text);
      break;
    case "text":
      if (parent === "xwhat" || parent === "xauxwhat") {
        addPart(error.parts, text);
      }
      break;
    case "leakedbytes":
      error.leak = { bytes: integer(text) ?? 0, blocks: error.leak?.blocks ?? 0 };
      break;
    case "leakedblocks":
      error.leak = { bytes: error.leak?.bytes ?? 0, blocks: integer(text) ?? 0 };
      break;
  }
}

function addPart(parts: RawPart[], text: string): void {
  if (parts.length < MOST_PARTS) {
    parts.push({ text, frames: [] });
  }
}

function fatalField(fatal: RawFatal, name: string, text: string): void {
  switch (name) {
    case "tid":
      fatal.tid = integer(text);
      break;
    case "threadname":
      fatal.threadName = text === "" ? null : text;
      break;
    case "signo":
      fatal.number = integer(text) ?? 0;
      break;
    case "signame":
      fatal.name = text;
      break;
    case "sicode":
      fatal.code = integer(text) ?? 0;
      break;
    case "event":
      fatal.event = text;
      break;
    case "siaddr":
      fatal.address = hex(text);
      break;
  }
}

/** "0x4A4004C" as it is written everywhere else; null for what is none. */
function hex(text: string): string | null {
  return /^0x[0-9a-fA-F]{1,16}$/.test(text) ? `0x${BigInt(text).toString(16)}` : null;
}

/** Null for what is none, or beyond what a number can hold. */
export function integer(text: string): number | null {
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : null;
  return value !== null && Number.isSafeInteger(value) ? value : null;
}
