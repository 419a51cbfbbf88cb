import { existsSync, realpathSync } from "node:fs";
import { NOT_IN_QUESTION } from "../../evidence/module-globs.js";
import { UserError } from "../../model/errors.js";
import type { Obstacle } from "../../model/evidence.js";
import type { Options } from "../../model/options.js";
import type { Target } from "../../model/target.js";
import { makePlan } from "../../plan/plan.js";
import { exeByDefault, planRecorder } from "../../probes/recorder/plan.js";
import { findLibrary, wantedBy } from "../../survey/sanitizers.js";
import { surveyTarget, THIS_MACHINE } from "../../survey/target.js";
import { places } from "../places.js";
import { circumstancesOf } from "./circumstances.js";
import type { Preparation, Prepared } from "./instrument.js";

/** Allocators that would stand in the place of the recorder's own. */
const ALLOCATORS: Options["with"] = ["malloc-check", "jemalloc"];

/** `run`: the target with the recorder in it. */
export function prepareRecorder(preparation: Preparation): Prepared {
  const { options, environment, directory } = preparation;
  const target = preparation.target ?? surveyTarget(options.command, environment["PATH"] ?? "");
  const other = options.with.find((name) => ALLOCATORS.includes(name));
  if (other !== undefined) {
    throw new UserError(`--with ${other} has no use here: the recorder has an allocator of its own`, {
      hint: "leave it out",
    });
  }
  const step = planRecorder(
    options,
    target,
    { library: places.recorder, exclude: NOT_IN_QUESTION, inherited: environment },
    0,
  );
  return {
    plan: makePlan(
      options,
      target,
      { step, explanation: explanationOf(options, target) },
      circumstancesOf(options, environment),
    ),
    obstacles: inTheWay(options, target, environment),
    settle: async ({ id }) => {
      if (directory !== null) {
        const { symbolize } = await import("../symbolize.js");
        await symbolize(directory, id, environment["PATH"] ?? "");
      }
    },
  };
}

function explanationOf(options: Options, target: Target): string {
  const whose =
    options.libs.length > 0
      ? options.libs.join(", ")
      : `whatever is not the system's, a runtime or a binding${exeByDefault(options, target) ? ", and the program itself" : ""}`;
  return options.heap.mode === "off"
    ? "the recorder is loaded into the target and watches signals; the heap is left as it is"
    : `the recorder is loaded into the target and watches signals, and the blocks that are allocated by ${whose}`;
}

/** Why nothing could be recorded; the target is not run then. */
function inTheWay(options: Options, target: Target, environment: NodeJS.ProcessEnv): Obstacle[] {
  const program = target.interpreter ?? target.executable;
  const none = "the target was not run";
  if (!existsSync(places.recorder)) {
    return [
      {
        what: `the recorder is not built; ${none}`,
        why: `${places.recorder} is missing`,
        mend: "npm run setup",
      },
    ];
  }
  const ours = THIS_MACHINE[process.arch];
  if (target.machine !== null && target.machine !== ours) {
    return [
      {
        what: `${program} is built for ${target.machine}, and the recorder for ${ours ?? process.arch}; ${none}`,
        why: "a library is loaded only into programs of its own kind",
        mend: target.machine === "x86" ? "use the 64-bit build; or ffi-doctor gdb-capture" : "ffi-doctor gdb-capture",
      },
    ];
  }
  if (target.staticallyLinked || target.setuid) {
    return [
      {
        what: `${target.file} is ${target.setuid ? "set-user-id" : "statically linked"}, so that no recorder can be loaded into it; ${none}`,
        why: "the recorder comes in by LD_PRELOAD, which is the dynamic linker's",
        mend: target.setuid
          ? "run a copy without the set-user-id bit; or ffi-doctor gdb-capture"
          : "link it dynamically; or ffi-doctor gdb-capture",
      },
    ];
  }
  const sanitized = [program, ...options.libs.flatMap((lib) => findLibrary(lib, environment) ?? [])].find(isSanitized);
  return sanitized === undefined
    ? []
    : [
        {
          what: `${sanitized} is built for a sanitizer, which watches the heap itself; ${none}`,
          why: "two allocators that check would each find the other's blocks wrong",
          mend: "ffi-doctor asan, with the same command; or use a build without -fsanitize",
        },
      ];
}

function isSanitized(file: string): boolean {
  const wanted = wantedBy(realpathSync(file));
  return wanted !== null && (wanted.ownRuntime || wanted.soname !== null || wanted.checks.length > 0);
}
