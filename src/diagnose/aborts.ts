import type { Crash } from "../model/crash.js";
import type { Frame } from "../model/frame.js";
import { faultFrames, isMachinery, siteOf } from "./diagnosis.js";

/** The process ended itself, by abort(3) or a runtime's own way. */
export function aborted(crash: Crash): boolean {
  return crash.signal.name === "SIGABRT" || crash.signal.name === "EXIT";
}

const FREES =
  /^(__libc_free|__GI___libc_free|cfree|free|_int_free|realloc|__libc_realloc|operator delete.*|_ZdlPv|_ZdaPv)$/;

/** Who called free: the first frame outside the allocator. */
export function freeingFrame(crash: Crash): Frame | null {
  const frames = faultFrames(crash);
  const last = frames.findLastIndex((frame) => FREES.test(frame.function ?? ""));
  return frames.slice(last + 1).find((frame) => frame.side !== "system" && !isMachinery(frame)) ?? siteOf(crash);
}

/** Whether a frame of the fault stack has such a name. */
export function onStack(crash: Crash, pattern: RegExp): Frame | null {
  return faultFrames(crash).find((frame) => pattern.test(frame.function ?? "")) ?? null;
}

/** glibc's debugging malloc was in place (mallopt(3), M_CHECK_ACTION); what it says of a block is the same whatever is wrong with it. */
export function refusedByDebugMalloc(crash: Crash): boolean {
  const text = crash.abortMessage?.text ?? "";
  return (
    /^(free|realloc)\(\): invalid pointer|malloc_check_get_size/.test(text) &&
    crash.modules.some(({ path }) => /\/libc_malloc_debug\.so[.\d]*$/.test(path))
  );
}
