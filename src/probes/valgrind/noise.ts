import type { CheckerError } from "../../model/checker-error.js";
import type { Fault } from "./faults.js";
import type { RawError } from "./records.js";

/** What is counted and told of as no mistake of anybody's. */
export const NOISE = {
  linker: "reads of the dynamic linker over the ends of its own strings",
  probe: "probes that a JVM makes below its own stack",
  handler: "errors in a signal handler that told of an earlier fault",
  trap: "accesses whose faults the runtime, or a handler of the program's own, took and went on from",
} as const;
export type Noise = keyof typeof NOISE;

const LINKER = /\/ld(?:-linux[\w.-]*|-musl[\w.-]*|-[\d.]+)\.so[.\d]*$/;
const JVM = /\/libjvm\.so$/;
const GO_REPORT = /^runtime\.(print\w*|gwrite|write\d?|dumpregs|bytes)(\.abi0)?$/;
const PRELOADED = /\/vgpreload_/;
/** In bytes below the stack pointer; the red zone of the ABI is 128. */
const PROBED = 4096;

/** What an error is that a process makes by design; null for one that matters. `faults` are the instructions that faulted before. */
export function noiseOf(
  error: CheckerError,
  raw: RawError,
  { faults, inHandler }: { faults: ReadonlySet<string>; inHandler: boolean },
): Noise | null {
  if (isLinkers(error)) {
    return "linker";
  }
  if (isProbe(error, raw)) {
    return "probe";
  }
  return inHandler || isGoReport(error, faults) ? "handler" : null;
}

/** Go prints the registers of a fault, whatever is in them, on a stack of its own. */
function isGoReport(error: CheckerError, faults: ReadonlySet<string>): boolean {
  const first = error.stacks[0]?.frames[0]?.function ?? "";
  return faults.size > 0 && error.mistake === "uninitialized" && GO_REPORT.test(first);
}

/** An access that raises a signal, when the memory is not there. */
export function mayFault(error: CheckerError): boolean {
  return error.mistake === "unmapped-access" || error.mistake === "bad-jump" || error.mistake === "forbidden-access";
}

/** The addresses at which a null pointer is taken for one. */
const NULL_PAGE = 0x10000n;

/** What is known, when a process is over, of an access of its that memcheck thought wrong. */
export interface Aftermath {
  /** It is the last such of its process. */
  last: boolean;
  /** The fault that it raised and that a handler took; null where it raised none, or there is no word on it. */
  fault: Fault | null;
  /** How the process ended; null where that is not known. */
  ended: { exitCode: number | null } | null;
}

/**
 * Generated code, a JVM, Go and programs with a handler of their own look for null and for the ends of memory by touching them. The
 * process went on, so somebody handled it. Of Go's, which ends by a status, the last may be what it ended of; and a crash handler may
 * end the process by any status.
 */
export function isTrap(error: CheckerError, { last, fault, ended }: Aftermath): boolean {
  const first = error.stacks[0]?.frames[0];
  if (error.mistake !== "unmapped-access" || error.fatal || first === undefined) {
    return false;
  }
  if (first.language === "go") {
    const isNull = BigInt(error.access?.address ?? "0xffffffff") < NULL_PAGE;
    return ended === null ? isNull : !(last && ended.exitCode === GO_FATAL);
  }
  const runtimes = first.module === null ? hasCaller(error) : JVM.test(first.module);
  return runtimes || (fault !== null && (fault.returned || error.seen > 1 || ended?.exitCode === 0));
}

/** Status of a Go program that ended of a fault or a panic. */
const GO_FATAL = 2;

/** A stack of one frame that nobody knows may be anything, also a jump that went wrong. */
function hasCaller(error: CheckerError): boolean {
  return (error.stacks[0]?.frames ?? []).some(({ module }) => module !== null);
}

/** glibc's dynamic linker is compiled to read strings word by word, and its own copies of strncmp and the like are not replaced. */
function isLinkers(error: CheckerError): boolean {
  const site = error.stacks[0]?.frames.find(({ module }) => !PRELOADED.test(module ?? ""));
  return (error.mistake === "heap-bounds" || error.mistake === "uninitialized") && LINKER.test(site?.module ?? "");
}

function isProbe(error: CheckerError, raw: RawError): boolean {
  const below = raw.parts.map(({ text }) => /^(\d{1,15}) bytes below stack pointer/.exec(text)?.[1]).find(Boolean);
  const module = error.stacks[0]?.frames[0]?.module ?? null;
  return below !== undefined && Number(below) >= PROBED && (module === null || JVM.test(module));
}
