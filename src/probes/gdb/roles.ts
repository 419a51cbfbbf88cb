import type { RawFrame, RawOf, RawSiginfo } from "./records.js";

/** One event of one process, as far as its meaning depends on it. */
export interface RoleInput {
  id: number;
  pid: number;
  kind: "signal" | "panic" | "exit" | "stopped";
  tid: number;
  /** The goroutine that the thread ran then; null outside of Go and where it was not looked for. */
  goroutine: number | null;
  pc: string;
  sp: string | null;
  signal: string;
  code: number;
  sender: number | null;
  disposition: RawOf<"stop">["disp"];
  /** The file that the pc lies in, and the process's executable. */
  module: string | null;
  executable: string;
  frames: readonly RawFrame[];
  siginfo: RawSiginfo;
  /** In a core file: the thread still stood in the handler of this event when the process died. */
  standing?: boolean;
}

export type Role = "first-hand" | "benign" | "reraise" | "nested" | "abort" | "sent" | "panic" | "open";

export interface RoleOutput {
  id: number;
  role: Role;
  of: number | null;
  why: string;
}

export interface Verdict {
  events: RoleOutput[];
  /** The event to report; null when the process did not die of any. */
  pick: number | null;
  terminal: number | null;
  reason: string;
}

interface Link {
  of: number;
  role: "reraise" | "nested" | "abort";
  why: string;
}

/** Functions in which a runtime gives up because of something earlier. */
const GIVES_UP =
  /^(runtime\.(fatalthrow|fatalpanic|crash|dieFromSignal|raisebadsignal|badsignal|sighandler)|VMError::report_and_die|faulthandler_fatal_error)/;
const UNWINDING_STOPPED =
  /panic_cannot_unwind|panic_in_cleanup|panic_nounwind|__rust_drop_panic|__rust_foreign_exception|(^|::|\d)rust_panic$/;

/**
 * Says what each event meant. The process is certain to die at an event whose signal is not caught (its default action is death); the
 * links walk back from there to what it all began with. "First" is wrong for runtimes that fault on purpose, "last" for those whose
 * crash reporter faults itself.
 */
export function assignRoles(events: readonly RoleInput[], exitCode: number | null): Verdict {
  const links = new Map<number, Link>();
  const survived = new Set<number>();
  events.forEach((event, i) => {
    const earlier = events.slice(0, i);
    const link = linkOf(event, earlier, survived);
    if (link !== null) {
      links.set(event.id, link);
      return;
    }
    for (const before of earlier) {
      if (before.tid === event.tid && before.kind === "signal") {
        survived.add(before.id);
      }
    }
  });
  const last = terminalOf(events, exitCode, links);
  if (last === null) {
    return {
      events: events.map((event) => passed(event, links.get(event.id))),
      pick: null,
      terminal: null,
      reason: "every signal was handled and the process went on",
    };
  }
  const chain = new Set<number>();
  let root = last.event.id;
  for (let link = links.get(root); link !== undefined; link = links.get(root)) {
    chain.add(root);
    root = link.of;
  }
  const rootEvent = events.find((event) => event.id === root) ?? last.event;
  const out = events.map((event): RoleOutput => {
    if (event.id === root) {
      const began = `event ${last.event.id}, of which the process died, goes back to this one`;
      return { id: root, ...rootRole(event, root === last.event.id ? last.why : began) };
    }
    const link = links.get(event.id);
    return chain.has(event.id) && link ? { id: event.id, ...link } : passed(event, link);
  });
  return { events: out, pick: root, terminal: last.event.id, reason: pickReason(rootEvent, last, chain.size) };
}

/** The event at which death was certain. */
function terminalOf(
  events: readonly RoleInput[],
  exitCode: number | null,
  links: ReadonlyMap<number, Link>,
): { event: RoleInput; why: string } | null {
  const certain = events.findLast(
    (event) => event.kind === "exit" || (event.kind === "signal" && event.disposition === "default"),
  );
  if (certain !== undefined) {
    const why =
      certain.kind === "exit"
        ? "the runtime ended the process here"
        : `${certain.signal} was not caught, so its default action followed`;
    return { event: certain, why };
  }
  const stopped = events.findLast((event) => event.kind === "stopped" && links.has(event.id));
  if (stopped !== undefined) {
    return { event: stopped, why: "it never came out of the signal's handler, and was let go there" };
  }
  // A Go program without symbols: the runtime cannot recover from a fault in foreign code and ends with status 2.
  const event = events.findLast((e) => e.kind === "signal" && e.code > 0);
  const foreign = event !== undefined && event.module !== null && event.module !== event.executable;
  return exitCode === 2 && foreign && event === events.at(-1)
    ? { event, why: "the process ended with status 2 right after it, as a Go runtime does for a fault in foreign code" }
    : null;
}

function linkOf(event: RoleInput, earlier: readonly RoleInput[], survived: ReadonlySet<number>): Link | null {
  const mine = earlier.filter((before) => before.tid === event.tid);
  const nested = nestedIn(event, mine) ?? panickedAt(event, earlier);
  if (event.kind === "panic") {
    return null;
  }
  const sync = event.kind === "signal" && event.code > 0;
  if (nested !== null && event.kind === "stopped") {
    return { of: nested.id, role: "abort", why: `still in the handler of event ${nested.id}` };
  }
  if (nested !== null) {
    return sync
      ? { of: nested.id, role: "nested", why: `raised while event ${nested.id} was being handled` }
      : { of: nested.id, role: "abort", why: `the handler of event ${nested.id} gave up` };
  }
  const before = mine.findLast((e) => e.kind === "signal");
  if (
    event.kind === "signal" &&
    before &&
    before.pc === event.pc &&
    before.sp === event.sp &&
    (!sync || event.disposition === "default")
  ) {
    return {
      of: before.id,
      role: "reraise",
      why: `event ${before.id} raised again at the same instruction and stack pointer`,
    };
  }
  return givenUp(event, earlier, mine, survived);
}

function givenUp(
  event: RoleInput,
  earlier: readonly RoleInput[],
  mine: readonly RoleInput[],
  survived: ReadonlySet<number>,
): Link | null {
  const inHandler = standingElsewhere(event, earlier);
  if (inHandler !== null) {
    const why = `thread ${inHandler.tid} still stood in the handler of event ${inHandler.id}, and this thread ended the process`;
    return { of: inHandler.id, role: "abort", why };
  }
  const isAbort = event.kind === "exit" || (event.signal === "SIGABRT" && event.code <= 0);
  if (!isAbort) {
    return null;
  }
  const panic = mine.findLast((e) => e.kind === "panic");
  if (panic && event.frames.some((f) => UNWINDING_STOPPED.test(f.fn ?? ""))) {
    return { of: panic.id, role: "abort", why: `the panic of event ${panic.id} reached a frame that cannot unwind` };
  }
  const runtimeGaveUp = event.frames.some((f) => GIVES_UP.test(f.fn ?? ""));
  const rawFromExecutable = event.kind === "signal" && event.module === event.executable;
  // With all the goroutine's own frames at hand, only a fault below them is the cause: nestedIn and panickedAt have looked.
  const tellsAll =
    event.frames.some((f) => f.fn === "runtime.gopanic") ||
    (event.frames.some((f) => f.fn === "runtime.throw") && event.frames.some((f) => f.fn === "runtime.goexit"));
  if (tellsAll || (event.kind !== "exit" && !runtimeGaveUp && !rawFromExecutable)) {
    return null;
  }
  const open = (e: RoleInput): boolean =>
    e.kind === "signal" &&
    (e.code > 0 || (e.signal === "SIGABRT" && e.module !== e.executable)) &&
    mayShareGoroutine(e, event);
  const cause =
    mine.findLast((e) => open(e) && !survived.has(e.id)) ??
    (rawFromExecutable || event.kind === "exit"
      ? (earlier.findLast((e) => open(e) && !survived.has(e.id)) ??
        (rawFromExecutable ? earlier.findLast(open) : undefined))
      : undefined);
  return cause ? { of: cause.id, role: "abort", why: `the runtime gave up because of event ${cause.id}` } : null;
}

/** A crash handler may have another thread end the process, while its own waits. A panic of Go's has nothing to do with that. */
function standingElsewhere(event: RoleInput, earlier: readonly RoleInput[]): RoleInput | null {
  const ownDoing = event.kind === "signal" && event.code <= 0 && event.sender === event.pid;
  if (!ownDoing || event.standing || event.frames.some(({ fn }) => fn === "runtime.gopanic")) {
    return null;
  }
  return earlier.findLast((before) => before.standing && before.code > 0 && before.tid !== event.tid) ?? null;
}

/** A handler's stack has the interrupted pc right below its trampoline. */
function nestedIn(event: RoleInput, mine: readonly RoleInput[]): RoleInput | null {
  const interrupted = below(event.frames, ({ kind }) => kind === "signal");
  return mine.findLast((before) => before.kind === "signal" && interrupted.has(before.pc)) ?? null;
}

/**
 * Go pushes the pc of a fault in Go code below runtime.sigpanic, on the goroutine's own stack: so between the fault and the end its
 * scheduler may have moved it to another thread.
 */
function panickedAt(event: RoleInput, earlier: readonly RoleInput[]): RoleInput | null {
  const faulted = below(event.frames, ({ fn }) => fn === "runtime.sigpanic");
  return (
    earlier.findLast(
      (before) => before.kind === "signal" && faulted.has(before.pc) && mayShareGoroutine(before, event),
    ) ?? null
  );
}

function mayShareGoroutine(one: RoleInput, other: RoleInput): boolean {
  return one.goroutine === null || other.goroutine === null || one.goroutine === other.goroutine;
}

/** The pcs of the two frames right below each such one. */
function below(frames: readonly RawFrame[], isEntry: (frame: RawFrame) => boolean): ReadonlySet<string> {
  return new Set(frames.flatMap((frame, i) => (isEntry(frame) ? frames.slice(i + 1, i + 3).map(({ pc }) => pc) : [])));
}

function rootRole(event: RoleInput, why: string): Omit<RoleOutput, "id"> {
  if (event.kind === "panic") {
    return { role: "panic", of: null, why: "the panic that could not be unwound across the boundary" };
  }
  return isSent(event)
    ? { role: "sent", of: null, why: `sent by process ${event.sender ?? "unknown"}, not a fault of this one` }
    : { role: "first-hand", of: null, why };
}

/** By kill(2) from outside. The process's own abort() and raise() come from itself. */
function isSent(event: RoleInput): boolean {
  return (
    event.kind === "signal" &&
    event.code <= 0 &&
    event.siginfo.code === 0 &&
    event.sender !== null &&
    event.sender !== event.pid
  );
}

function passed(event: RoleInput, link: Link | undefined): RoleOutput {
  if (link) {
    return { id: event.id, ...link };
  }
  if (event.kind === "stopped") {
    return { id: event.id, role: "open", of: null, why: "looked at while it ran, and let go" };
  }
  return event.kind === "panic"
    ? { id: event.id, role: "benign", of: null, why: "the panic was caught" }
    : { id: event.id, role: "benign", of: null, why: "the runtime handled it and went on" };
}

function pickReason(root: RoleInput, last: { event: RoleInput; why: string }, links: number): string {
  if (root.id === last.event.id) {
    return `it is the event of which the process died: ${last.why}`;
  }
  const steps = links === 1 ? "one step" : `${links} steps`;
  return `the process died at event ${last.event.id} (${last.why}), which follows from this one in ${steps}`;
}
