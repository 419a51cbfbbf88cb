import { z } from "zod";
import { Intervention, StepProbe } from "./primitives.js";

/**
 * How tool and target come together. `beside`: a debugger that is attached to the target. `around`: the tool's argv, and the target's
 * behind it. `within`: the target alone, changed by its environment. `file`: the tool alone, as no process is started.
 */
export const Way = z.enum(["beside", "around", "within", "file"]);

/** One launch of the target under a probe, or one look at a file. Plain data: `--dry-run` prints it, `launch` carries it out. */
export const Step = z.strictObject({
  id: z.string(),
  probe: StepProbe,
  way: Way.default("beside"),
  /** The observing tool's argv; `{stepDir}` is filled in at launch. */
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
  /** Each file that the tool makes in the step's folder is given a number at once, so that the next program does not begin it anew. */
  setAside: z.boolean().optional(),
  /** The target's output was shown already, and its input is used up: it gets /dev/null. */
  silent: z.boolean().optional(),
});
export type Step = z.infer<typeof Step>;

export const Plan = z.strictObject({ steps: z.array(Step), explanations: z.array(z.string()) });
export type Plan = z.infer<typeof Plan>;

/** A run that is made once more to learn more of what an earlier one showed. */
export function isSecondPass(step: Pick<Step, "id">): boolean {
  return /-origins-\d+$/.test(step.id);
}

/** A run in the place of one that its tool did not survive. */
export function isMended(step: Pick<Step, "id">): boolean {
  return /-mended-\d+$/.test(step.id);
}
