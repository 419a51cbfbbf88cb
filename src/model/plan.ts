import { z } from "zod";
import { Intervention, ProbeName } from "./primitives.js";

/** One launch of the target under a probe. Plain data: `--dry-run` prints it, `launch` carries it out. */
export const Step = z.strictObject({
  id: z.string(),
  probe: ProbeName,
  /** The observing tool's argv, to be started beside the target; `{stepDir}` and `{pid}` are filled in at launch. */
  tool: z.array(z.string()),
  /** Environment added for the tool. */
  toolEnv: z.record(z.string(), z.string()),
  /** The target's argv; null when the step attaches to a running process. */
  target: z.array(z.string()).nullable(),
  /** Environment changes for the target: a value sets, null unsets. */
  targetEnv: z.record(z.string(), z.string().nullable()),
  attach: z.number().int().nullable(),
  timeout: z.number().nullable(),
  interventions: z.array(Intervention),
});
export type Step = z.infer<typeof Step>;

export const Plan = z.strictObject({ steps: z.array(Step), explanations: z.array(z.string()) });
export type Plan = z.infer<typeof Plan>;
