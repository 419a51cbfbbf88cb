import { setTimeout as sleep } from "node:timers/promises";
import type { Obstacle } from "../model/evidence.js";
import type { Step } from "../model/plan.js";
import type { Outcome } from "../model/primitives.js";
import type { RunDirectory } from "../rundir/run-directory.js";
import { type Debugger, debuggerEnvironment, startDebugger } from "./debugger.js";
import { endTree } from "./end-tree.js";
import { forwardSignals } from "./forward-signals.js";
import { type HeldTarget, holdTarget } from "./held-target.js";
import { noDebugger, notAttached, notExecuted } from "./obstacles.js";
import { send, tracedBy } from "./process-tree.js";
import type { Ended, LaunchIo } from "./run-step.js";
import { endWhenStuck } from "./stuck-debugger.js";
import { targetEnvironment } from "./target-environment.js";
import { stoppedBy, whyToEnd } from "./why-to-end.js";

const ATTACH_LIMIT_MS = 60_000;
const SETTLE_MS = 750;
const SNAPSHOT_LIMIT_MS = 30_000;
export const NEVER_RAN: Outcome = { exitCode: null, signal: null, timedOut: false };

/** Runs the target under gdb, or attaches gdb to a process that runs; the recording is gdb's. */
export async function underDebugger(step: Step, directory: RunDirectory, io: LaunchIo): Promise<Ended> {
  const target = step.target === null || io.file === null ? null : start(step, step.target, io.file, io);
  const pid = target?.pid ?? step.attach ?? 0;
  const gdb = startDebugger(
    step.tool,
    {
      ...debuggerEnvironment(io.environment),
      ...step.toolEnv,
      FFID_PID: String(pid),
      FFID_DOCTOR: String(process.pid),
      ...(step.target === null ? {} : { FFID_HOLD: io.hold }),
    },
    directory.stepPath(step.id, "gdb.out"),
  );
  const obstacle = await attached(gdb, directory, step.id, pid);
  if (obstacle !== null) {
    target?.abandon();
    await target?.ended;
    return { pid, tool: await gdb.ended, obstacles: [obstacle] };
  }
  io.log(`gdb ${gdb.pid} watches ${target === null ? "" : "new "}process ${pid}`);
  endWhenStuck(gdb, io.log);
  const ended =
    target === null
      ? await watchRunning(gdb, pid, step.timeout, io)
      : await watchLaunched(gdb, target, step.timeout, io);
  return { pid, ...ended };
}

function start(step: Step, argv: readonly string[], file: string, io: LaunchIo): HeldTarget {
  const env = targetEnvironment(step, io.environment);
  return holdTarget(io.hold, file, argv, { env, stdoutToStderr: io.stdoutToStderr, captureTo: io.captureTo });
}

/** Resolves once gdb has attached (null), or with the reason why it never will. */
async function attached(gdb: Debugger, directory: RunDirectory, step: string, pid: number): Promise<Obstacle | null> {
  const told = new Promise<Obstacle | null>((resolve) => {
    gdb.onTold((word) => {
      if (word.k === "attached") {
        resolve(null);
      } else if (word.k === "refused") {
        resolve(notAttached(word.why, pid));
      }
    });
  });
  const died = gdb.ended.then((end) => noDebugger(end, directory.read(`raw/${step}/gdb.out`) ?? ""));
  const timer = new AbortController();
  const late = sleep(ATTACH_LIMIT_MS, undefined, { signal: timer.signal }).then(
    () => {
      gdb.kill();
      return notAttached("gdb did not attach within 60 seconds", pid);
    },
    () => null,
  );
  const result = await Promise.race([told, died, late]);
  timer.abort();
  return result;
}

async function watchLaunched(gdb: Debugger, target: HeldTarget, timeout: number | null, io: LaunchIo): Promise<Ended> {
  const stopForwarding = forwardSignals(target.pid);
  let ending: "time" | "stop" | null = null;
  const timer = new AbortController();
  const limit = whyToEnd(timeout, io.stop, timer.signal).then(async (why) => {
    if (why !== null) {
      ending = why;
      io.log(`${why === "time" ? `time limit of ${timeout} s: looking where it hangs, then` : "stopped:"} ending it`);
      const traced = tracedBy(gdb.pid).map((row) => row.pid);
      await letGo(gdb);
      await endTree(target.pid, traced);
    }
  });
  target.release();
  const { outcome, execErrno } = await target.ended;
  timer.abort();
  await limit;
  const leftRunning = await settle(gdb);
  const tool = await gdb.ended;
  stopForwarding();
  return {
    outcome: { ...outcome, timedOut: ending === "time" },
    tool,
    leftRunning,
    ...stoppedBy(ending),
    obstacles: execErrno === null ? [] : [notExecuted(execErrno)],
  };
}

async function watchRunning(gdb: Debugger, pid: number, timeout: number | null, io: LaunchIo): Promise<Ended> {
  let timedOut = false;
  let interrupted = false;
  const finished = new AbortController();
  const onInterrupt = (): void => {
    interrupted = true;
    io.log(`letting process ${pid} go`);
    void letGo(gdb);
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  if (timeout !== null) {
    sleep(timeout * 1000, undefined, { signal: finished.signal }).then(
      () => {
        timedOut = !interrupted;
        return letGo(gdb);
      },
      () => {},
    );
  }
  const tool = await gdb.ended;
  finished.abort();
  process.off("SIGINT", onInterrupt);
  process.off("SIGTERM", onInterrupt);
  return { tool, outcome: { exitCode: null, signal: null, timedOut }, leftRunning: send(pid, 0) ? [pid] : [] };
}

/** After the target's own end: waits for gdb, and lets go of what the target left running, which is not ours to end. */
async function settle(gdb: Debugger): Promise<number[]> {
  let running = true;
  void gdb.ended.then(() => {
    running = false;
  });
  let quietSince = Date.now();
  const left: number[] = [];
  while (running) {
    const traced = tracedBy(gdb.pid);
    if (traced.length === 0 || traced.some((row) => row.stopped)) {
      quietSince = Date.now();
    } else if (Date.now() - quietSince > SETTLE_MS) {
      left.push(...traced.map((row) => row.pid));
      await letGo(gdb);
      return left;
    }
    await Promise.race([gdb.ended, sleep(15)]);
  }
  return left;
}

/** Lets everything go that gdb still traces. A gdb that does not answer is killed: the kernel then detaches (ptrace(2)). */
async function letGo(gdb: Debugger): Promise<void> {
  if (!gdb.wake()) {
    return;
  }
  const timer = new AbortController();
  await Promise.race([
    gdb.ended,
    sleep(SNAPSHOT_LIMIT_MS, undefined, { signal: timer.signal }).then(
      () => gdb.kill(),
      () => {},
    ),
  ]);
  timer.abort();
}
