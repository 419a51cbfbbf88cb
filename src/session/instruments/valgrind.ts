import { UserError } from "../../model/errors.js";
import type { Obstacle } from "../../model/evidence.js";
import type { Options } from "../../model/options.js";
import type { Plan, Step } from "../../model/plan.js";
import type { HostRuntime } from "../../model/primitives.js";
import type { Target, ToolFact } from "../../model/target.js";
import { makePlan } from "../../plan/plan.js";
import { planOrigins, planValgrind } from "../../probes/valgrind/plan.js";
import { unwrapShims } from "../../survey/shims.js";
import { surveyTarget } from "../../survey/target.js";
import { locateValgrind } from "../../survey/valgrind.js";
import { circumstancesOf } from "./circumstances.js";
import type { Preparation, Prepared } from "./instrument.js";
import { mendBeforehand, mender } from "./valgrind-mends.js";

/** Allocators that would stand in the place of valgrind's own. */
const ALLOCATORS: Options["with"] = ["malloc-check", "jemalloc"];

/** Runtimes that use values of their own that nobody wrote: a second pass would always follow. */
const UNWRITTEN_OF_THEIR_OWN: ReadonlySet<HostRuntime> = new Set(["python", "go"]);

/** `valgrind`: memcheck around the target. */
export async function prepareValgrind(preparation: Preparation): Promise<Prepared> {
  const { options, target, environment } = preparation;
  const other = options.with.find((name) => ALLOCATORS.includes(name));
  if (other !== undefined) {
    throw new UserError(`--with ${other} has no use under valgrind, which puts its own allocator in the place of any`, {
      hint: "leave it out",
    });
  }
  const valgrind = locateValgrind(environment["PATH"] ?? "", environment["FFI_DOCTOR_VALGRIND"]);
  const bare = await unwrapShims(options.command, environment);
  const real = bare.interventions.length === 0 ? target : { ...surveyed(bare, environment), command: options.command };
  const runtime = real?.host.runtime ?? "unknown";
  const atOnce = options.origins === "always" || (options.origins === "auto" && UNWRITTEN_OF_THEIR_OWN.has(runtime));
  const mended = await mendBeforehand(preparation, bare, real === null ? null : (real.interpreter ?? real.file));
  const step = planValgrind(
    options,
    {
      command: mended.command,
      environment: mended.environment,
      interventions: [...bare.interventions, ...mended.interventions],
      runtime,
    },
    { valgrind: valgrind.path ?? "valgrind", inherited: environment },
    atOnce,
  );
  const plan = makePlan(
    options,
    real,
    { step, explanation: "valgrind runs the target on a processor of its own making, some 20 to 100 times slower" },
    circumstancesOf(options, environment),
  );
  return {
    plan: options.origins === "auto" && !atOnce ? withSecondPass(plan) : plan,
    ...(real === null ? {} : { target: real }),
    obstacles: [...missing(valgrind), ...notAllowed(real), ...mended.obstacles],
    mend: mender(preparation),
  };
}

function surveyed(bare: { command: string[]; environment: Record<string, string> }, environment: NodeJS.ProcessEnv) {
  return surveyTarget(bare.command, bare.environment["PATH"] ?? environment["PATH"] ?? "");
}

function withSecondPass(plan: Plan): Plan {
  const again = plan.steps.map((step: Step) => planOrigins(step));
  return {
    steps: [...plan.steps, ...again],
    explanations: [
      ...plan.explanations,
      `${again.map(({ id }) => id).join(", ")} follows only when values were used that nobody wrote, to learn where they came from; the target's output is not shown twice (--origins never leaves it out)`,
    ],
  };
}

function missing(valgrind: ToolFact): Obstacle[] {
  return valgrind.usable
    ? []
    : [
        {
          what: "valgrind cannot be used here; the target was not run",
          why: valgrind.why ?? "unknown",
          mend: valgrind.mend,
        },
      ];
}

/** valgrind refuses programs that get another user's rights, also where root asks. */
function notAllowed(target: Target | null): Obstacle[] {
  return target?.setuid === true
    ? [
        {
          what: `${target.executable} is setuid or setgid, and valgrind runs no such program; it was not run`,
          why: "valgrind would have the rights of its owner",
          mend: `cp ${target.executable} <copy>, and run the copy, which has not the bit`,
        },
      ]
    : [];
}
