import type { CheckerError, Mistake } from "../../model/checker-error.js";
import type { Access } from "../../model/crash.js";
import { signalInfo } from "../gdb/signals.js";
import { type Fault, standsOn } from "./faults.js";
import { mayFault } from "./noise.js";
import type { RawFatal } from "./records.js";

/** Signals that a mistake raises; of the others the sender knows. */
const CRASHES: ReadonlySet<string> = new Set(["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS", "SIGTRAP"]);
const SI_USER = 0;
const SI_KERNEL = 128;
const SEGV_ACCERR = 2;

/** Whether the process died of something it did; kill(2) is taken for its own only where it stands on the stack. */
export function isCrash(fatal: RawFatal): boolean {
  const itself = /^(kill|raise|abort|pthread_kill|tgkill)\b/.test(fatal.frames[0]?.fn ?? "");
  return CRASHES.has(fatal.name) && (fatal.code !== SI_USER || fatal.name === "SIGABRT" || itself);
}

/**
 * The error that was told already and then ended the process: at the same instruction; or the one on top of which a runtime's handler
 * raised the signal again, or gave up. Where that stack is cut, the last access that cannot have gone well.
 */
export function sameDeath(
  fatal: RawFatal,
  at: ReadonlyMap<string, { error: CheckerError }>,
  faults: ReadonlySet<string>,
  errors: readonly CheckerError[],
): CheckerError | null {
  const here = at.get(fatal.frames[0]?.ip ?? "")?.error;
  if (here !== undefined && fatal.code > 0) {
    return here;
  }
  const below = at.get(standsOn(fatal.frames, faults) ?? "")?.error;
  if (below !== undefined) {
    return below;
  }
  const again = fatal.code <= 0 && (fatal.name === "SIGSEGV" || fatal.name === "SIGBUS");
  return again ? (errors.findLast((error) => error.tid === fatal.tid && mayFault(error)) ?? null) : null;
}

/** The death as it began: below the frames of a handler that had taken a fault, and ended the process for it. */
export function atTheFault(fatal: RawFatal, under: { fault: Fault; pc: string; at: number } | null): RawFatal {
  const [first, ...callers] = under === null ? [] : fatal.frames.slice(under.at);
  if (first === undefined || under === null) {
    return fatal;
  }
  const { signal: number, name, code, address } = under.fault;
  return { ...fatal, number, name, code, address, frames: [{ ...first, ip: under.pc }, ...callers] };
}

export function withSignal(error: CheckerError, fatal: RawFatal): void {
  error.fatal = true;
  error.signal = signalOf(fatal);
}

/** What a death says that no error of memcheck came before. */
export function endedBy(
  fatal: RawFatal,
  stackOverflow: boolean,
): Pick<CheckerError, "kind" | "text" | "mistake" | "access" | "signal"> {
  const mistake = mistakeOf(fatal, stackOverflow);
  return {
    kind: fatal.name,
    text: [`The process was ended by ${fatal.name}`, fatal.event].filter((part) => part !== null).join(": "),
    mistake,
    access: accessOf(fatal, mistake),
    signal: signalOf(fatal),
  };
}

/**
 * memcheck tells each access to memory that is not there before the signal comes. What is left: a write to what may only be read, a jump,
 * and an address that the instruction wants aligned.
 */
function mistakeOf(fatal: RawFatal, stackOverflow: boolean): Mistake {
  if (fatal.name === "SIGFPE" && fatal.code > 0) {
    return "arithmetic";
  }
  if (fatal.name !== "SIGSEGV" || fatal.code <= 0) {
    return "fatal-signal";
  }
  if (fatal.code === SI_KERNEL) {
    return "misaligned-access";
  }
  if (fatal.address !== null && fatal.address === fatal.frames[0]?.ip) {
    return "bad-jump";
  }
  if (stackOverflow) {
    return "stack-overflow";
  }
  return fatal.code === SEGV_ACCERR ? "forbidden-access" : "unmapped-access";
}

const KINDS: Partial<Record<Mistake, Access["kind"]>> = { "bad-jump": "execute", "forbidden-access": "write" };

function accessOf(fatal: RawFatal, mistake: Mistake): Access | null {
  const kind = KINDS[mistake];
  return kind === undefined || fatal.address === null
    ? null
    : { kind, size: null, address: fatal.address, addressFrom: "kernel", base: null, displacement: null };
}

function signalOf(fatal: RawFatal): NonNullable<CheckerError["signal"]> {
  return signalInfo(fatal.name, {
    signo: fatal.number,
    code: fatal.code,
    ...(fatal.address === null ? {} : { addr: fatal.address }),
  });
}
