import type { Step } from "../model/plan.js";
import { endTree } from "./end-tree.js";
import { forwardSignals } from "./forward-signals.js";
import { holdTarget } from "./held-target.js";
import { notExecuted } from "./obstacles.js";
import type { Ended, LaunchIo } from "./run-step.js";
import { targetEnvironment } from "./target-environment.js";
import { stoppedBy, whyToEnd } from "./why-to-end.js";

/** A tool around the target writes down what it knows when it is told to end, and is slow at it. */
const TOOL_GRACE_MS = 10_000;

/**
 * Runs the target by itself, or behind a tool's argv: its descriptors, terminal and process group are what they would be without us.
 * A tool's own environment is what `toolEnv` adds.
 */
export async function runPlain(step: Step, io: LaunchIo): Promise<Ended> {
  const argv = [...step.tool, ...(step.target ?? [])];
  const file = step.tool[0] ?? io.file ?? "";
  const env = { ...targetEnvironment(step, io.environment), ...step.toolEnv };
  const held = holdTarget(io.hold, file, argv, {
    env,
    stdoutToStderr: io.stdoutToStderr,
    captureTo: io.captureTo,
    silent: step.silent === true,
  });
  const stopForwarding = forwardSignals(held.pid);
  let ending: "time" | "stop" | null = null;
  const timer = new AbortController();
  const limit = whyToEnd(step.timeout, io.stop, timer.signal).then(async (why) => {
    if (why !== null) {
      ending = why;
      const reason = why === "time" ? `time limit of ${step.timeout} s` : "stopped";
      io.log(`${reason}: ending process ${held.pid} and its children`);
      // Who interrupts does not wait long, and the tool has had the signal already.
      await endTree(held.pid, [], why === "time" && step.tool.length > 0 ? TOOL_GRACE_MS : undefined);
    }
  });
  held.release();
  io.log(`process ${held.pid} runs${step.tool.length > 0 ? ` under ${step.probe}` : ""}`);
  const { outcome, execErrno } = await held.ended;
  timer.abort();
  await limit;
  stopForwarding();
  return {
    pid: held.pid,
    outcome: { ...outcome, timedOut: ending === "time" },
    ...stoppedBy(ending),
    tool: { exitCode: outcome.exitCode, signal: outcome.signal },
    obstacles: execErrno === null ? [] : [notExecuted(execErrno)],
  };
}
