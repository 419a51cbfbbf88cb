import { type Fault, FaultReader } from "./faults.js";
import { originalOf } from "./names.js";

/** What valgrind told beside its XML (`-v --log-file`): one such file is of one program image. */
export interface Log {
  pid: number | null;
  /** Files whose symbols it read, in that order: what was mapped. The first is the program. */
  files: string[];
  /** Why valgrind itself gave up, in its own words. */
  died: string | null;
  /** The file that it was reading last. */
  reading: string | null;
  /** valgrind's allocator was put into the program; it cannot be into one that is linked statically. */
  preloaded: boolean;
  /** valgrind's own words for a main stack that ran over. */
  stackOverflow: boolean;
  /** Faults that handlers of the process's own, or of its forked children's, took. */
  faults: Fault[];
}

const LONGEST_LINE = 1 << 16;
const MOST_FILES = 10_000;
const LINE = /^(?:==|--)(\d{1,10})(?:==|--) ?(.*)$/;
const READING = /^(?:Reading syms from|\(.*\) Reading syms from) (\/.*)$/;
/** valgrind's own files, which are mapped into each process. */
const OWN = /\/valgrind\/(?:vgpreload_[\w-]+\.so|[a-z]+-[\w]+-linux)$/;
const PRELOADED = /\/vgpreload_memcheck-/;
const LOADER = /\/ld(?:-linux[\w.-]*|-musl[\w.-]*|-[\d.]+)\.so[.\d]*$/;

/** An assertion of valgrind's own, its debug information reader, or memory that it could not get. */
const DIED =
  /Assertion '.*' failed|debuginfo reader: ensure_valid failed|the 'impossible' happened|[Ii] can't recover\. +Giving up|Valgrind cannot continue|VALGRIND INTERNAL ERROR|Valgrind's memory management: out of memory|valgrind: fatal error|valgrind: (?:failed|unable|cannot|can't)\b|mmap\(.*\) failed in UME/;

/** Reads one log. Text that is none of valgrind's is passed over. */
export function readLog(pieces: Iterable<string>): Log {
  const log: Log = {
    pid: null,
    files: [],
    died: null,
    reading: null,
    preloaded: false,
    stackOverflow: false,
    faults: [],
  };
  const faults = new FaultReader();
  const files = new Set<string>();
  for (const line of linesOf(pieces)) {
    const said = LINE.exec(line);
    log.pid ??= said === null ? null : Number(said[1]);
    const text = said?.[2] ?? line;
    const read = READING.exec(text)?.[1];
    if (read !== undefined) {
      const reading = originalOf(read);
      log.reading = reading;
      log.preloaded ||= PRELOADED.test(reading);
      if (files.size < MOST_FILES && !OWN.test(reading)) {
        files.add(reading);
      }
    } else if (DIED.test(text)) {
      log.died ??= text
        .replace(/^valgrind: +/i, "")
        .replace(/[:\s]+$/, "")
        .slice(0, 300);
    } else if (text.startsWith("Stack overflow in thread")) {
      log.stackOverflow = true;
    } else if (said !== null) {
      faults.take(Number(said[1]), text);
    }
  }
  log.files = [...files];
  log.faults = faults.found();
  return log;
}

/** The program of a log: the lowest mapped file, which valgrind reads first. */
export function programOf(log: Log): string | null {
  return log.files.find((file) => !LOADER.test(file)) ?? null;
}

function* linesOf(pieces: Iterable<string>): Iterable<string> {
  let rest = "";
  for (const piece of pieces) {
    const lines = `${rest}${piece}`.split("\n");
    rest = (lines.pop() ?? "").slice(0, LONGEST_LINE);
    yield* lines;
  }
  if (rest !== "") {
    yield rest;
  }
}
