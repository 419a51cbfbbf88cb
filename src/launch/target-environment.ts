import type { Step } from "../model/plan.js";

/** What the target would have had, with the step's changes. */
export function targetEnvironment(step: Step, inherited: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...inherited };
  for (const [key, value] of Object.entries(step.targetEnv)) {
    if (value === null) {
      delete env[key];
    } else {
      env[key] = value;
    }
  }
  return env;
}
