import { readFileSync } from "node:fs";
import type { Debugger } from "./debugger.js";
import { tracedBy } from "./process-tree.js";

const LOOK_MS = 1000;
const IDLE_LOOKS = 5;

/**
 * Ends a gdb that waits for nothing: for five looks a second apart it slept without using the CPU while all that it traces, if anything,
 * was held stopped. The kernel then lets the target go on (ptrace(2)), and the recording shows that it ends early. A target must never
 * stay hung because of its debugger.
 */
export function endWhenStuck(gdb: Debugger, log: (line: string) => void): void {
  let before: number | null = null;
  let idle = 0;
  const timer = setInterval(() => {
    const now = sleepingTicks(gdb.pid);
    const isIdle = now !== null && now === before && tracedBy(gdb.pid).every((row) => row.stopped);
    idle = isIdle ? idle + 1 : 0;
    before = now;
    if (idle >= IDLE_LOOKS) {
      log("gdb is stuck: it holds the target and does nothing; ending it, so that the target goes on");
      clearInterval(timer);
      gdb.kill();
    }
  }, LOOK_MS);
  void gdb.ended.then(() => clearInterval(timer));
}

/** CPU time of a process that sleeps, in clock ticks (proc_pid_stat(5): state, utime, stime); null for one that does not. */
function sleepingTicks(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name in parentheses may itself hold any character.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "S" ? Number(fields[11]) + Number(fields[12]) : null;
  } catch {
    return null;
  }
}
