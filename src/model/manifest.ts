import { z } from "zod";
import { Obstacle } from "./evidence.js";
import { Options } from "./options.js";
import { Plan } from "./plan.js";
import { Outcome, StepProbe } from "./primitives.js";
import { Target } from "./target.js";

export const RUN_DIRECTORY_VERSION = 1;

/** What became of one step. Files of the step lie in `raw/<id>/`. */
export const StepRecord = z.strictObject({
  id: z.string(),
  probe: StepProbe,
  startedAt: z.string(),
  durationMs: z.number(),
  pid: z.number().int().nullable(),
  outcome: Outcome,
  /** How the observing tool itself ended; `died` when a signal killed it. */
  tool: z.strictObject({ exitCode: z.number().int().nullable(), signal: z.string().nullable() }),
  obstacles: z.array(Obstacle),
  /** Processes of the target still running when the step ended, and left alone. */
  leftRunning: z.array(z.number().int()),
  /** ffi-doctor ended it, as it was interrupted itself: a SIGKILL is its own then. */
  stopped: z.literal(true).optional(),
});
export type StepRecord = z.infer<typeof StepRecord>;

/** manifest.json of a run directory. */
export const RunManifest = z.strictObject({
  version: z.literal(RUN_DIRECTORY_VERSION),
  toolVersion: z.string(),
  id: z.string(),
  startedAt: z.string(),
  durationMs: z.number(),
  options: Options,
  target: Target.nullable(),
  plan: Plan,
  steps: z.array(StepRecord),
  /** False while the run is going on, and for ever when ffi-doctor itself was killed. */
  complete: z.boolean(),
});
export type RunManifest = z.infer<typeof RunManifest>;
