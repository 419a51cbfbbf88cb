import type { CoreVerdict, Crash } from "../../model/crash.js";
import type { RawFrame, RawOf } from "../gdb/records.js";

type Stop = RawOf<"stop">;

/** Functions that run because a signal was handled: below them there was a fault. */
const HANDLES =
  /^(runtime\.(sighandler|sigpanic0?|sigtramp|sigtrampgo|sigfwdgo|badsignal)(\.|$)|JVM_handle_linux_signal|crash_handler\(|faulthandler_fatal_error)/;
/** Through which a process sends itself a signal, and not by a handler that has returned. */
const RAISES =
  /^(__pthread_kill_implementation|__pthread_kill_internal|(__GI_)?(__)?(raise|abort|kill|tgkill|pthread_kill)|runtime\.raise)$/;

/**
 * Whether a core shows the fault itself, and why. `terminal` is the signal of which the process died, `pick` the event that is taken for
 * what began it.
 */
export function verdictOf(crash: Crash, pick: Stop, terminal: Stop): CoreVerdict {
  if (pick.ev !== terminal.ev) {
    const died = `the process died of ${terminal.sig}${terminal.sig === pick.sig ? ", raised again" : ""}${afterwards(terminal)}`;
    const dead = terminal.tid === pick.tid ? "" : `, and thread ${terminal.tid} is the one that died`;
    return {
      firstHand: false,
      recovered: true,
      reason: `${died}; ${pick.si.code !== undefined && pick.si.code > 0 ? "the fault's own context" : "the context in which it was first raised"} was found ${found(pick)} of thread ${pick.tid}${dead}`,
    };
  }
  const frames = terminal.frames;
  if (!crash.signal.forged) {
    return {
      firstHand: true,
      recovered: true,
      reason: "its siginfo is the kernel's own, and the registers are those of the fault",
    };
  }
  if (terminal.si.code === undefined) {
    const reason = "it holds no siginfo, so that nothing tells whether the signal was raised again";
    return { firstHand: false, recovered: false, reason };
  }
  if (frames.some(isHandler)) {
    return {
      firstHand: false,
      recovered: false,
      reason: `a handler ran before ${terminal.sig} was sent (${nameOf(frames.find(isHandler))}), and the context that it was given could not be found`,
    };
  }
  if (terminal.sig !== "SIGABRT" && !frames.slice(0, 4).some(({ fn }) => RAISES.test(fn ?? ""))) {
    return {
      firstHand: false,
      recovered: false,
      reason: `a handler raised ${terminal.sig} again and returned, as V8's does: the registers are those of the fault, but its address is lost (the siginfo has the sender's pid ${terminal.si.sender ?? "?"} in its place)`,
    };
  }
  return {
    firstHand: true,
    recovered: true,
    reason: `the process ended itself (${nameOf(frames.find((frame) => !RAISES.test(frame.fn ?? "")))}), and no handler ran before`,
  };
}

/** What stood between, in words. */
function afterwards(terminal: Stop): string {
  const frame = terminal.frames.find(isHandler) ?? terminal.frames.find(({ fn }) => fn && !RAISES.test(fn));
  return frame?.kind === "signal" || !frame?.fn ? "" : ` in ${frame.fn.split("(")[0]}`;
}

function found(pick: Stop): string {
  switch (pick.source) {
    case "sigpanic":
      return "below runtime.sigpanic, and its address in what Go noted of it, on the stack";
    case "returned":
      return "in the frame of a handler that had returned, beside the stack";
    default:
      return "below a signal trampoline on the stack";
  }
}

function isHandler(frame: RawFrame): boolean {
  return frame.kind === "signal" || HANDLES.test(frame.fn ?? "");
}

function nameOf(frame: RawFrame | undefined): string {
  return frame?.kind === "signal" ? "a signal trampoline is on the stack" : (frame?.fn ?? "a function without a name");
}
