import type { CheckerError } from "../../model/checker-error.js";
import type { Crash } from "../../model/crash.js";
import { CHECKER, noStack } from "./heap-errors.js";

/**
 * A fault at an address that the recorder had closed: of a freed block, or right before or behind one. What the block was is the heap's
 * to tell; the crash stands beside it as the other witness.
 */
export function closedPage(crash: Crash): CheckerError | null {
  const pointer = crash.heap?.pointers.find(({ register, truncated }) => register === "the address" && !truncated);
  const { size, offset, state } = pointer?.block ?? { size: null, offset: null, state: "unknown" };
  if (pointer === undefined || size === null || offset === null || crash.access === null) {
    return null;
  }
  const outside = offset < 0 || offset >= size;
  if (state !== "freed" && !outside) {
    return null;
  }
  const thread = crash.threads.find(({ faulting }) => faulting);
  const freed = state === "freed";
  return {
    probe: "heap",
    checker: CHECKER,
    kind: freed ? "access after free" : offset < 0 ? "access before a block" : "access behind a block",
    text: `${crash.signal.name} at ${pointer.value}: the recorder had closed that page${freed ? " when the block was freed" : ", against which the block lies"}`,
    mistake: freed ? "freed-access" : "heap-bounds",
    pid: crash.pid,
    command: crash.command,
    executable: crash.executable,
    hostRuntime: "unknown",
    tid: thread?.tid ?? null,
    threadName: thread?.name ?? null,
    access: crash.access,
    block: pointer.block,
    signal: crash.signal,
    leak: null,
    stacks: [
      thread === undefined
        ? noStack(crash.pid)
        : {
            role: "fault",
            thread: `${thread.tid}${thread.name === null ? "" : ` ${thread.name}`}`,
            frames: thread.frames,
            truncated: thread.truncated,
          },
      ...pointer.stacks,
    ],
    seen: 1,
    fatal: true,
  };
}
