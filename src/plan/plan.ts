import type { Options } from "../model/options.js";
import type { Plan } from "../model/plan.js";
import type { Target } from "../model/target.js";
import { planGdb } from "../probes/gdb/plan.js";
import { type Inherited, withCheckers } from "./checkers.js";

export interface ProbeTools {
  gdb: string;
  script: string;
  /** The environment that the target would have had. */
  environment: Inherited;
}

/** What will be started, as plain data; `--repeat` asks for further steps by `nextStep`. */
export function makePlan(options: Options, target: Target | null, tools: ProbeTools): Plan {
  const explanations =
    target === null
      ? [`gdb attaches to process ${options.attach} and lets it go at the end`]
      : [`the target is started by ffi-doctor itself; gdb attaches before its first instruction`];
  if (options.repeat > 1) {
    explanations.push(`up to ${options.repeat} runs${options.untilCrash ? ", ending with the first crash" : ""}`);
  } else if (options.untilCrash) {
    explanations.push("again and again until a crash; --timeout limits each run, Ctrl-C ends it");
  }
  const step = planGdb(options, target, { ...tools, nodeOptions: tools.environment["NODE_OPTIONS"] }, 0);
  return { steps: [withCheckers(step, options, target, tools.environment)], explanations };
}
