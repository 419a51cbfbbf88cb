import type { CheckerError } from "../../../src/model/checker-error.js";
import type { Frame, StackRole } from "../../../src/model/frame.js";
import { frame } from "./crashes.js";

export const MALLOC = frame({
  function: "malloc",
  module: "/usr/libexec/valgrind/vgpreload_memcheck.so",
  side: "system",
});
export const FREE = frame({ function: "free", module: "/usr/libexec/valgrind/vgpreload_memcheck.so", side: "system" });
export const MAIN = frame({ function: "main", module: "/app/host", side: "script", file: "/src/main.c", line: 7 });

/** A frame of the library's, and whether it is the one that crossed. */
export function inLibrary(name: string, boundary = false): Frame {
  return frame({ function: name, boundary });
}

/** Stacks by role, innermost frame first; the first is where the error showed. */
export function checkerError(
  mistake: CheckerError["mistake"],
  stacks: Partial<Record<StackRole, Frame[]>> = {},
  more: Partial<CheckerError> = {},
): CheckerError {
  const roles: Partial<Record<StackRole, Frame[]>> = {
    fault: [inLibrary("store_read"), inLibrary("store_get", true), MAIN],
    ...stacks,
  };
  return {
    probe: "valgrind",
    checker: "memcheck 3.19.0",
    kind: "InvalidRead",
    text: "Invalid read of size 8",
    mistake,
    pid: 1,
    command: ["/app/host"],
    executable: "/app/host",
    hostRuntime: "c",
    tid: 1,
    threadName: null,
    access: { kind: "read", size: 8, address: "0x4a5b040", addressFrom: "kernel", base: null, displacement: null },
    block: null,
    signal: null,
    leak: null,
    stacks: Object.entries(roles).map(([role, frames]) => ({
      role: role as StackRole,
      thread: "1",
      frames: frames.map((one, index) => ({ ...one, index })),
      truncated: null,
    })),
    seen: 1,
    fatal: false,
    ...more,
  };
}
