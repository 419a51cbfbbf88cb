import type { StackRole } from "../../model/frame.js";
import type { FrameLine } from "./frame-line.js";

/** One stack of a report. */
export interface ReportStack {
  role: StackRole;
  thread: string;
  frames: FrameLine[];
  /** More frames than are kept. */
  left: number;
}

/** One report of a sanitizer, in its own words. */
export interface SanitizerReport {
  /** "AddressSanitizer", "LeakSanitizer", ... */
  checker: string;
  kind: string;
  text: string;
  pid: number | null;
  thread: string | null;
  access: { kind: "read" | "write" | null; size: number | null; address: string | null };
  pc: string | null;
  block: { address: string; size: number; offset: number } | null;
  leak: { bytes: number; blocks: number; kind: "definite" | "indirect" } | null;
  stacks: ReportStack[];
  seen: number;
}

/** What a log held beside reports. */
export interface LogFacts {
  reports: SanitizerReport[];
  /** Lines in which a runtime said that it could not work. */
  failures: string[];
  /** Lines that were cut, and reports that end in the middle. */
  damaged: number;
  /** Reports beyond those that are kept. */
  omitted: number;
  /** The process was told to end by the runtime. */
  aborting: boolean;
}
