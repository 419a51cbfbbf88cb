/** One frame as memcheck writes it; all but `ip` may be missing (docs/internals/xml-output-protocol4.txt of valgrind). */
export interface RawFrame {
  ip: string;
  obj: string | null;
  fn: string | null;
  dir: string | null;
  file: string | null;
  line: number | null;
}

/** A sentence and the stack that it explains, which may be empty. */
export interface RawPart {
  text: string;
  frames: RawFrame[];
}

export interface RawError {
  unique: string;
  tid: number | null;
  threadName: string | null;
  kind: string;
  /** What happened first, then what memcheck knows of the address or the value. */
  parts: RawPart[];
  leak: { bytes: number; blocks: number } | null;
}

/** The signal that ended a process. */
export interface RawFatal {
  tid: number | null;
  threadName: string | null;
  number: number;
  name: string;
  code: number;
  /** "Access not within mapped region"; null for a signal that was sent. */
  event: string | null;
  address: string | null;
  frames: RawFrame[];
}

/** What the head of a file tells of its process. */
export interface RawHead {
  pid: number;
  parent: number | null;
  tool: string;
  version: string | null;
  command: string[];
}

/** What is read from one file, in order. */
export interface XmlSink {
  /** A document begins: the second one in a file is of a process that was forked. */
  begins(): void;
  head(head: RawHead): void;
  error(error: RawError): void;
  fatal(fatal: RawFatal): void;
  /** How often an error was seen so far. */
  count(unique: string, seen: number): void;
  /** The program ended; only leaks follow. */
  finished(): void;
  /** The document is whole. */
  ends(): void;
}

/** What was wrong with a file. */
export interface Damage {
  /** Errors that were cut or mixed up, and so left out. */
  spoiled: number;
  /** The first thing that is not as valgrind writes it; null for a sound file. */
  why: string | null;
}
