import type { Options } from "../model/options.js";
import type { Plan, Step } from "../model/plan.js";
import type { Allocators, Target } from "../model/target.js";
import { type Inherited, withCheckers } from "./checkers.js";

/**
 * What will be started, as plain data, from the step that an instrument planned and how it explains it; `--repeat` asks for further steps
 * by `nextStep`. `inherited` is the environment that the target would have had.
 */
export function makePlan(
  options: Options,
  target: Target | null,
  planned: { step: Step; explanation: string },
  circumstances: { inherited: Inherited; allocators: Allocators },
): Plan {
  const { inherited, allocators } = circumstances;
  const explanations = [planned.explanation];
  if (options.repeat > 1) {
    explanations.push(`up to ${options.repeat} runs${options.untilCrash ? ", ending with the first crash" : ""}`);
  } else if (options.untilCrash) {
    explanations.push("again and again until a crash; --timeout limits each run, Ctrl-C ends it");
  }
  return { steps: [withCheckers(planned.step, options, target, inherited, allocators)], explanations };
}
