import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Step } from "../model/plan.js";
import { debuggerEnvironment } from "./debugger.js";
import { endOf } from "./end-of.js";
import { send } from "./process-tree.js";
import type { Ended, LaunchIo } from "./run-step.js";
import { NEVER_RAN } from "./under-debugger.js";

/** Runs a tool that looks at a file. Its text goes to `output`; no process of the target's is started. */
export async function lookAtFile(step: Step, output: string, io: LaunchIo): Promise<Ended> {
  const [file = "", ...args] = step.tool;
  const text = openSync(output, "wx", 0o600);
  const env = { ...debuggerEnvironment(io.environment), ...step.toolEnv };
  const child = spawn(file, args, { stdio: ["ignore", text, text], env, detached: true });
  closeSync(text);
  const timer = new AbortController();
  let timedOut = false;
  if (step.timeout !== null) {
    sleep(step.timeout * 1000, undefined, { signal: timer.signal }).then(
      () => {
        timedOut = true;
        send(child.pid ?? 0, "SIGKILL");
      },
      () => {},
    );
  }
  const tool = await endOf(child);
  timer.abort();
  return { tool, outcome: { ...NEVER_RAN, timedOut } };
}
