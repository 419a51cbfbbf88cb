import type { Options } from "../model/options.js";
import { isMended, isSecondPass, type Plan, type Step } from "../model/plan.js";

/** What the runs so far showed, as far as the next one depends on it. */
export interface Shown {
  crashed: boolean;
  interrupted: boolean;
  /** Values that nobody wrote were used, and it was not recorded where they came from. */
  originless?: boolean;
  /** The last step again, with what its tool died of mended. */
  mended?: Step | null;
}

/**
 * The next step after those that are done, or null when enough was seen. `--until-crash` ends with the first crash, `--repeat` counts;
 * both together: whichever comes first. A second pass comes last, and once.
 */
export function nextStep(options: Options, plan: Plan, done: readonly Pick<Step, "id">[], last: Shown): Step | null {
  if (last.interrupted) {
    return null;
  }
  return last.mended ?? ordinary(options, plan, done, last) ?? secondPass(plan, done, last);
}

function ordinary(options: Options, plan: Plan, done: readonly Pick<Step, "id">[], last: Shown): Step | null {
  const first = plan.steps[0];
  const runs = done.filter((step) => !isSecondPass(step) && !isMended(step)).length;
  if (first === undefined || runs === 0) {
    return first ?? null;
  }
  const limit = options.repeat > 1 ? options.repeat : options.untilCrash ? Number.POSITIVE_INFINITY : 1;
  if (runs >= limit || (options.untilCrash && last.crashed) || done.some(isSecondPass)) {
    return null;
  }
  return { ...first, id: `${first.probe}-${runs}` };
}

function secondPass(plan: Plan, done: readonly Pick<Step, "id">[], last: Shown): Step | null {
  const planned = plan.steps.find(isSecondPass);
  return planned !== undefined && last.originless === true && !done.some(isSecondPass) ? planned : null;
}
