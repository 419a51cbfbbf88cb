import { UserError } from "../../model/errors.js";
import type { Options } from "../../model/options.js";
import type { Step } from "../../model/plan.js";
import type { Target } from "../../model/target.js";
import { makePlan } from "../../plan/plan.js";
import { planAsan } from "../../probes/asan/plan.js";
import { findRuntimes, findSymbolizer } from "../../survey/sanitizers.js";
import { type Unwrapped, unwrapShims } from "../../survey/shims.js";
import { surveyTarget } from "../../survey/target.js";
import { places } from "../places.js";
import { buildFirst } from "./asan-build.js";
import { chooseRuntime, inTheWay } from "./asan-runtime.js";
import { circumstancesOf } from "./circumstances.js";
import type { Preparation, Prepared } from "./instrument.js";

/** Allocators that would stand in the place of the sanitizer's own. */
const ALLOCATORS: Options["with"] = ["malloc-check", "jemalloc"];

/** `asan`: the target within a sanitizer's runtime, after the user's own build where one is asked for. */
export async function prepareAsan(preparation: Preparation): Promise<Prepared> {
  const { options, environment, directory } = preparation;
  const other = options.with.find((name) => ALLOCATORS.includes(name));
  if (other !== undefined) {
    throw new UserError(`--with ${other} has no use under a sanitizer, which brings an allocator of its own`, {
      hint: "leave it out",
    });
  }
  const broken = options.build === null || directory === null ? null : await buildFirst(preparation, options.build);
  if (broken !== null) {
    return { plan: { steps: [], explanations: [] }, obstacles: [broken] };
  }
  const path = environment["PATH"] ?? "";
  const bare = await unwrapShims(options.command, environment);
  const real = surveyTarget(bare.command, bare.environment["PATH"] ?? path);
  const target: Target = { ...real, command: options.command };
  const chosen = chooseRuntime(options, target, await findRuntimes(options.sanitizer, path), environment);
  const step = planAsan(
    options,
    target,
    {
      runtime: chosen.runtime?.file ?? null,
      companion: places.companion,
      symbolizer: chosen.runtime?.compiler === "clang" ? findSymbolizer(path) : null,
      inherited: environment,
    },
    0,
  );
  const plan = makePlan(
    options,
    target,
    { step: withoutShims(step, bare), explanation: chosen.why },
    circumstancesOf(options, environment),
  );
  const built =
    options.build === null ? [] : [`before it, by a shell and with the sanitizer's flags: ${options.build}`];
  return {
    plan: { ...plan, explanations: [...built, ...plan.explanations] },
    target,
    obstacles: inTheWay(options, target, chosen, places.companion),
  };
}

function withoutShims(step: Step, bare: Unwrapped): Step {
  return {
    ...step,
    target: bare.command,
    targetEnv: { ...bare.environment, ...step.targetEnv },
    interventions: [...bare.interventions, ...step.interventions],
  };
}
