import { constants } from "node:os";
import type { Obstacle } from "../model/evidence.js";

/** gdb was refused by the kernel, or by a tracer that is there already. */
export function notAttached(why: string, pid: number): Obstacle {
  if (/No such process/i.test(why)) {
    return { what: `there is no process ${pid}`, why, mend: "check the pid with ps" };
  }
  if (/already traced|is being traced/i.test(why)) {
    return {
      what: `process ${pid} has a debugger already`,
      why,
      mend: "end the other debugger or strace first, then run this again",
    };
  }
  if (/not permitted|ptrace/i.test(why)) {
    return {
      what: "ptrace is forbidden here, so that gdb cannot watch the target; it was not run",
      why,
      mend: "ffi-doctor env says which rule forbids it; in a container: docker run --cap-add=SYS_PTRACE --security-opt seccomp=unconfined",
    };
  }
  if (/too old/.test(why)) {
    return { what: "gdb here is too old; the target was not run", why, mend: "apt-get install -y gdb" };
  }
  return { what: "gdb could not attach to the target; it was not run", why, mend: "ffi-doctor env" };
}

/** gdb ended before it had attached. */
export function noDebugger(end: { exitCode: number | null; signal: string | null }, output: string): Obstacle {
  const last = output.trim().split("\n").at(-1) ?? "";
  if (/Python scripting is not supported|Undefined command.*python|not supported in this copy of GDB/i.test(output)) {
    return { what: "this gdb is built without Python; the target was not run", why: last, mend: "apt-get install gdb" };
  }
  const how = end.signal === null ? `with status ${end.exitCode ?? "unknown"}` : `by ${end.signal}`;
  return {
    what: `gdb ended ${how} before it had attached; the target was not run`,
    why: last || "it said nothing",
    mend: "ffi-doctor env",
  };
}

/** execve failed in the target's own process. */
export function notExecuted(errno: number): Obstacle {
  const name = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
  const mends: Record<string, string> = {
    E2BIG:
      "pass fewer or shorter arguments: one may have 128 KiB, all together a quarter of the stack limit (ulimit -s)",
    ENOEXEC: "put its interpreter in front of it",
    EACCES: "chmod +x it, and check that its file system is not mounted noexec",
    ENOENT: "its ELF interpreter or #! interpreter is missing; ldd and head -1 show which",
  };
  return {
    what: `the kernel refused to start the command (${name})`,
    why: `execve: ${name}`,
    mend: mends[name] ?? null,
  };
}
