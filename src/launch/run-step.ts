import type { StepRecord } from "../model/manifest.js";
import type { Step } from "../model/plan.js";
import type { RunDirectory } from "../rundir/run-directory.js";
import { lookAtFile } from "./look-at-file.js";
import { numberFiles } from "./number-files.js";
import { runPlain } from "./plain.js";
import { NEVER_RAN, underDebugger } from "./under-debugger.js";

export interface LaunchIo {
  hold: string;
  file: string | null;
  environment: NodeJS.ProcessEnv;
  stdoutToStderr: boolean;
  /** The file that takes the target's output, with an empty input; null leaves the target its own descriptors. */
  captureTo: string | null;
  /** Ends the target and all its descendants when it is aborted; null for a target that ends by itself or by what signals do to it. */
  stop: AbortSignal | null;
  log(line: string): void;
}

/** What a way of launching tells of a step's end. */
export type Ended = Partial<Omit<StepRecord, "id" | "probe" | "startedAt" | "durationMs">>;

/** Carries one step out and leaves its recording in `raw/<step>/`. Never throws for what the target or the tool do. */
export async function runStep(step: Step, directory: RunDirectory, io: LaunchIo): Promise<StepRecord> {
  const started = Date.now();
  const folder = directory.makeStep(step.id);
  const ended = await launch(filled(step, folder), directory, io);
  return {
    id: step.id,
    probe: step.probe,
    startedAt: new Date(started).toISOString(),
    durationMs: Date.now() - started,
    pid: null,
    outcome: NEVER_RAN,
    tool: { exitCode: null, signal: null },
    obstacles: [],
    leftRunning: [],
    ...ended,
  };
}

async function launch(step: Step, directory: RunDirectory, io: LaunchIo): Promise<Ended> {
  switch (step.way) {
    case "beside":
      return await underDebugger(step, directory, io);
    case "around":
    case "within":
      return await numbered(step, directory, () => runPlain(step, io));
    case "file":
      return await lookAtFile(step, directory.stepPath(step.id, "tool.out"), io);
  }
}

async function numbered(step: Step, directory: RunDirectory, run: () => Promise<Ended>): Promise<Ended> {
  const done = step.setAside === true ? numberFiles(directory.stepPath(step.id, "")) : () => {};
  try {
    return await run();
  } finally {
    done();
  }
}

/** `{stepDir}` stands for the step's own folder. */
function filled(step: Step, folder: string): Step {
  const fill = (text: string): string => text.replaceAll("{stepDir}", folder);
  const fillAll = <T extends string | null>(env: Record<string, T>): Record<string, T> =>
    Object.fromEntries(Object.entries(env).map(([key, value]) => [key, (value === null ? null : fill(value)) as T]));
  return {
    ...step,
    tool: step.tool.map(fill),
    toolEnv: fillAll(step.toolEnv),
    targetEnv: fillAll(step.targetEnv),
  };
}
