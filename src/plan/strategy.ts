import type { Options } from "../model/options.js";
import type { Plan, Step } from "../model/plan.js";

/**
 * The next step after `done` ones, or null when enough was seen. `--until-crash` ends with the first crash, `--repeat` counts;
 * both together: whichever comes first.
 */
export function nextStep(
  options: Options,
  plan: Plan,
  done: number,
  last: { crashed: boolean; interrupted: boolean },
): Step | null {
  const first = plan.steps[0];
  if (first === undefined || last.interrupted) {
    return null;
  }
  if (done === 0) {
    return first;
  }
  const limit = options.repeat > 1 ? options.repeat : options.untilCrash ? Number.POSITIVE_INFINITY : 1;
  if (done >= limit || (options.untilCrash && last.crashed)) {
    return null;
  }
  return { ...first, id: `${first.probe}-${done}` };
}
