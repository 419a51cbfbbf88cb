import { makePlan } from "../../plan/plan.js";
import { planValgrind } from "../../probes/valgrind/plan.js";
import { locateValgrind } from "../../survey/valgrind.js";
import type { Preparation, Prepared } from "./instrument.js";

/** `valgrind`: memcheck around the target. */
export function prepareValgrind({ options, target, environment }: Preparation): Prepared {
  const valgrind = locateValgrind(environment["PATH"] ?? "", environment["FFI_DOCTOR_VALGRIND"]);
  const step = planValgrind(
    options,
    {
      runtime: target?.host.runtime ?? "unknown",
      staticallyLinked: target?.staticallyLinked ?? false,
      command: options.command,
      environment: {},
      interventions: [],
    },
    { valgrind: valgrind.path ?? "valgrind", inherited: environment },
    false,
  );
  return {
    plan: makePlan(
      options,
      target,
      { step, explanation: "valgrind runs the target on a processor of its own making, some 20 to 100 times slower" },
      environment,
    ),
    obstacles: valgrind.usable
      ? []
      : [
          {
            what: "valgrind cannot be used here; the target was not run",
            why: valgrind.why ?? "unknown",
            mend: valgrind.mend,
          },
        ],
  };
}
