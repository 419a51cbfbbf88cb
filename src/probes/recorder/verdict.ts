import type { SignalRole } from "../../model/crash.js";
import type { ExitRecord, SignalRecord } from "../blackbox/records.js";
import { REGISTER } from "./registers.js";

/** A signal, and what the place it came at belongs to. */
export interface Came {
  record: SignalRecord;
  /** "SIGSEGV"; null for one that no fault raises. */
  name: string | null;
  inLibc: boolean;
  inGo: boolean;
}

/** How the program image ended, as far as it is known. */
export interface Ended {
  pid: number;
  signal: string | null;
  exitCode: number | null;
  exit: ExitRecord | null;
  /** The function that called Go's runtime.exit. */
  goExit: string | null;
  /** A Go runtime is among its modules. */
  go: boolean;
}

export interface Judged {
  role: SignalRole;
  of: number | null;
  why: string;
}

export interface Verdict {
  /** Ids of signals; null where the process did not die of any. */
  pick: number | null;
  terminal: number | null;
  reason: string;
  roles: ReadonlyMap<number, Judged>;
}

/** So a Go runtime ends after a fatal error (runtime package, GOTRACEBACK). */
const GO_FATAL = 2;
const GIVES_UP = /^runtime\.(fatal|crash|dieFromSignal|sighandler|throw|gopanic|systemstack)/;
const SIGABRT = 6;
const SI_USER = 0;
const SI_TKILL = -6;
const SI_KERNEL = 128;
/** Links from the end back to the root. */
const MOST_LINKS = 64;

/**
 * Which signal a process died of first-hand. The last one that nobody survived is where it ended; from there the walk goes back over
 * handlers that raised it again, gave up because of it, or faulted themselves.
 */
export function verdictOf(signals: readonly Came[], ended: Ended): Verdict {
  const start = startOf(signals, ended);
  if (start === null) {
    const reason = "every signal was handled and the process went on";
    return {
      pick: null,
      terminal: null,
      reason,
      roles: new Map(signals.map((came) => [came.record.id, passed(came)])),
    };
  }
  const roles = new Map<number, Judged>();
  let root = start.came;
  let steps = 0;
  for (let link = linkOf(root, signals); link !== null && steps < MOST_LINKS; link = linkOf(root, signals)) {
    roles.set(root.record.id, { role: link.role, of: link.to.record.id, why: link.why });
    root = link.to;
    steps += 1;
    if (roles.has(root.record.id)) {
      break;
    }
  }
  const why =
    steps === 0 ? start.why : `signal ${start.came.record.id}, of which the process died, goes back to this one`;
  roles.set(root.record.id, { role: isSent(root.record, ended.pid) ? "sent" : "first-hand", of: null, why });
  for (const came of signals) {
    if (!roles.has(came.record.id)) {
      roles.set(came.record.id, passed(came));
    }
  }
  return {
    pick: root.record.id,
    terminal: start.came.record.id,
    reason:
      steps === 0
        ? `it is the signal of which the process died: ${start.why}`
        : `the process died at signal ${start.came.record.id} (${start.why}), which follows from this one in ${steps === 1 ? "one step" : `${steps} steps`}`,
    roles,
  };
}

interface Start {
  came: Came;
  why: string;
}

function startOf(signals: readonly Came[], ended: Ended): Start | null {
  const last = (fits: (record: SignalRecord) => boolean): Came | undefined =>
    signals.findLast(({ record, name }) => name !== null && fits(record));
  if (ended.signal !== null) {
    const fatal = signals.findLast(({ name, record }) => name === ended.signal && record.state === "terminal");
    if (fatal !== undefined) {
      return { came: fatal, why: `${fatal.name} was not caught, so its default action followed` };
    }
    const unfinished = FAULTS.has(ended.signal) ? last(isUnsurvived) : undefined;
    return unfinished === undefined
      ? null
      : { came: unfinished, why: "its handler had not come to an end when the kernel ended the process" };
  }
  if (ended.exitCode === 0) {
    return null;
  }
  if (ended.exit?.how === "go") {
    return GIVES_UP.test(ended.goExit ?? "") ? ofGo(signals) : null;
  }
  if (ended.exit !== null) {
    const open = last((record) => record.tid === ended.exit?.tid && record.state === "open");
    return open === undefined ? null : { came: open, why: "its handler ended the process" };
  }
  const terminal = ended.exitCode === null ? last(({ state }) => state === "terminal") : undefined;
  if (terminal !== undefined) {
    return { came: terminal, why: `${terminal.name} was not caught, so its default action followed` };
  }
  const open = last(({ state }) => state === "open");
  if (open !== undefined) {
    return { came: open, why: "its handler had not returned when the process ended" };
  }
  return ended.exitCode === GO_FATAL && ended.go ? foreignOfGo(signals) : null;
}

const FAULTS: ReadonlySet<string> = new Set(["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS"]);

/** Go redirects a fault to its own panic; where it then ends the process, that fault is the cause. */
function ofGo(signals: readonly Came[]): Start | null {
  const came = causeOfGo(signals);
  return came === null ? null : { came, why: "the Go runtime ended the process here" };
}

function foreignOfGo(signals: readonly Came[]): Start | null {
  const came = signals.findLast(({ record, inGo }) => record.state === "redirected" && record.code > 0 && !inGo);
  return came === undefined
    ? null
    : { came, why: "the process ended with status 2 after it, as a Go runtime does for a fault in foreign code" };
}

function causeOfGo(signals: readonly Came[]): Came | null {
  return (
    signals.find(({ record }) => record.state === "open") ??
    signals.findLast(({ record, inGo }) => record.state === "redirected" && !inGo) ??
    signals.findLast(({ record }) => record.state === "redirected") ??
    null
  );
}

function isUnsurvived({ state }: SignalRecord): boolean {
  return state === "open" || state === "returned" || state === "defaulted";
}

interface Link {
  to: Came;
  role: "nested" | "abort" | "reraise";
  why: string;
}

function linkOf(came: Came, signals: readonly Came[]): Link | null {
  const { record } = came;
  const parent = record.parent === 0 ? undefined : signals.find((other) => other.record.id === record.parent);
  if (parent !== undefined && (parent.record.state === "open" || parent.record.state === "defaulted")) {
    const id = parent.record.id;
    const again = record.number === parent.record.number && record.code <= 0;
    return record.code > 0
      ? { to: parent, role: "nested", why: `raised while signal ${id} was being handled` }
      : again
        ? { to: parent, role: "reraise", why: `the handler of signal ${id} raised it again` }
        : { to: parent, role: "abort", why: `the handler of signal ${id} gave up` };
  }
  const before = signals.filter((other) => other.record.order < record.order);
  const same = before.findLast((other) => isSamePlace(other.record, record));
  if (same !== undefined) {
    const why = `signal ${same.record.id} raised again at the same place`;
    return { to: same, role: "reraise", why };
  }
  // Go raises SIGABRT by a system call of its own, on whichever thread comes to it.
  const own = record.number === SIGABRT && record.code === SI_TKILL && !came.inLibc;
  const cause = own ? causeOfGo(before.filter(({ record: other }) => other.parent !== record.id)) : null;
  return cause === null
    ? null
    : { to: cause, role: "abort", why: `the runtime gave up because of signal ${cause.record.id}` };
}

/** A handler that returned without having mended anything: the signal is there again, or was raised again in its place. */
function isSamePlace(before: SignalRecord, record: SignalRecord): boolean {
  const forged = record.code <= 0 || record.code === SI_KERNEL;
  return (
    before.tid === record.tid &&
    before.number === record.number &&
    before.registers[REGISTER.rsp] === record.registers[REGISTER.rsp] &&
    isUnsurvived(before) &&
    (forged || before.state === "defaulted" || before.state === "returned")
  );
}

/** By kill(2) from outside. */
function isSent({ code, senderPid }: SignalRecord, pid: number): boolean {
  return code === SI_USER && senderPid !== 0 && senderPid !== pid;
}

const WHY: Record<NonNullable<SignalRecord["state"]>, string> = {
  open: "its handler had not returned",
  returned: "its handler returned, and the program went on at the same place",
  redirected: "the runtime handled it and went on elsewhere",
  terminal: "its default action followed",
  defaulted: "its handler put the default action back and returned",
  abandoned: "its handler was left by a jump, and the program went on",
};

function passed({ record }: Came): Judged {
  const state = record.state ?? "open";
  return { role: state === "open" || state === "terminal" ? "open" : "benign", of: null, why: WHY[state] };
}
