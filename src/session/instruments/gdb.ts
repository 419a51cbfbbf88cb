import { makePlan } from "../../plan/plan.js";
import { planGdb } from "../../probes/gdb/plan.js";
import { locateGdb } from "../../survey/gdb.js";
import { places } from "../places.js";
import { circumstancesOf } from "./circumstances.js";
import type { Preparation, Prepared } from "./instrument.js";

/** `gdb-capture`: gdb beside the target. */
export function prepareGdb({ options, target, environment }: Preparation): Prepared {
  const gdb = locateGdb(environment["PATH"] ?? "", environment["FFI_DOCTOR_GDB"]);
  const step = planGdb(
    options,
    target,
    { gdb: gdb.path ?? "gdb", script: places.gdbScript, nodeOptions: environment["NODE_OPTIONS"] },
    0,
  );
  const explanation =
    target === null
      ? `gdb attaches to process ${options.attach} and lets it go at the end`
      : "the target is started by ffi-doctor itself; gdb attaches before its first instruction";
  return {
    plan: makePlan(options, target, { step, explanation }, circumstancesOf(options, environment)),
    obstacles: gdb.usable
      ? []
      : [{ what: "gdb cannot be used here; the target was not run", why: gdb.why ?? "unknown", mend: gdb.mend }],
  };
}
