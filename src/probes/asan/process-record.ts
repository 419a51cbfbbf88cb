import { basename } from "node:path";
import { linesOf } from "./lines.js";

/** What a library brings along: which sanitizers' checks are compiled in. */
export interface Loaded {
  path: string;
  low: bigint;
  high: bigint;
  checks: string[];
  program: boolean;
}

/** What the companion wrote of one process. */
export interface ProcessRecord {
  pid: number;
  parent: number | null;
  executable: string | null;
  command: string[];
  loaded: Loaded[];
  runtime: "go" | "java" | "node" | "python" | null;
  /** Null where the process ended in a way that the companion does not see: by a signal, or by _exit. */
  end: { how: "exit" | "death"; status: number | null } | null;
  leaks: "looked-for" | "no-runtime" | "not-of-a-jvm" | null;
  /** What the dynamic linker said when a library could not be opened for want of a runtime. */
  refused: string[];
  /** The library that was asked for last, where the runtime does not see what becomes of it. */
  opening: string | null;
  hostStackHung: boolean;
  damaged: number;
}

/** A process has not so many; a hostile record may. */
const MOST = 20_000;

/** Never throws for what is in the record. */
export function readProcess(pid: number, pieces: Iterable<string>): ProcessRecord {
  const record: ProcessRecord = {
    pid,
    parent: null,
    executable: null,
    command: [],
    loaded: [],
    runtime: null,
    end: null,
    leaks: null,
    refused: [],
    opening: null,
    hostStackHung: false,
    damaged: 0,
  };
  let count = 0;
  for (const { text, cut, whole } of linesOf(pieces)) {
    count += 1;
    if (count > MOST || cut || !whole || !take(record, text)) {
      record.damaged += 1;
    }
  }
  record.runtime ??= runtimeOf(record);
  return record;
}

function runtimeOf({ executable, loaded }: ProcessRecord): ProcessRecord["runtime"] {
  if (loaded.some(({ path }) => /\/libjvm\.so$/.test(path))) {
    return "java";
  }
  const name = basename(executable ?? "");
  return /^(node|nodejs|electron)$/.test(name) ? "node" : /^(python|pypy)[\d.]*$/.test(name) ? "python" : null;
}

/** False for a line that is none of the companion's. */
function take(record: ProcessRecord, text: string): boolean {
  const space = text.indexOf(" ");
  const key = space < 0 ? text : text.slice(0, space);
  const value = space < 0 ? "" : text.slice(space + 1);
  switch (key) {
    case "process": {
      const match = /^(\d{1,9}) (\d{1,9})$/.exec(value);
      // Another program in the same process, by execve.
      Object.assign(record, { executable: null, command: [], loaded: [], runtime: null, end: null, opening: null });
      record.parent = match === null ? null : Number(match[2]);
      return match !== null;
    }
    case "exe":
      record.executable = unescaped(value).replace(/ \(deleted\)$/, "");
      return true;
    case "arg":
      record.command.push(unescaped(value));
      return true;
    case "program":
    case "library":
      return takeLoaded(record, key === "program", value);
    case "opening":
      record.opening = unescaped(value);
      return true;
    case "refused":
      record.refused.push(unescaped(value));
      return true;
    case "runtime":
      record.runtime = value === "go" ? "go" : record.runtime;
      return true;
    case "leaks":
      record.leaks = value === "looked-for" || value === "not-of-a-jvm" ? value : "no-runtime";
      return true;
    case "host-stack":
      record.hostStackHung = true;
      return true;
    case "end": {
      const match = /^(exit|death)(?: (\d{1,3}))?$/.exec(value);
      record.end =
        match === null
          ? record.end
          : { how: match[1] === "death" ? "death" : "exit", status: match[2] === undefined ? null : Number(match[2]) };
      return match !== null;
    }
    default:
      return false;
  }
}

function takeLoaded(record: ProcessRecord, program: boolean, value: string): boolean {
  const match = /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) (-|[a-z,]{1,40}) ?(.*)$/.exec(value);
  const path = program ? record.executable : unescaped(match?.[4] ?? "");
  if (match === null || path === null || path === "") {
    return false;
  }
  record.loaded.push({
    path,
    low: BigInt(`0x${match[1]}`),
    high: BigInt(`0x${match[2]}`),
    checks: match[3] === "-" ? [] : (match[3] ?? "").split(","),
    program,
  });
  return true;
}

/** The bytes that the companion wrote as \xHH. */
function unescaped(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** The file that an address lies in, among those that the process had loaded. */
export function loadedAt(record: ProcessRecord | null, pc: string): Loaded | null {
  const at = BigInt(pc);
  return record?.loaded.find(({ low, high }) => at >= low && at < high) ?? null;
}
