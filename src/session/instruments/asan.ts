import { existsSync } from "node:fs";
import { basename } from "node:path";
import { runBuild } from "../../launch/build.js";
import { UserError } from "../../model/errors.js";
import type { Obstacle } from "../../model/evidence.js";
import type { Plan } from "../../model/plan.js";
import type { Target } from "../../model/target.js";
import { buildFlags } from "../../plan/build-flags.js";
import { makePlan } from "../../plan/plan.js";
import { type Means, planAsan } from "../../probes/asan/plan.js";
import {
  findLibrary,
  findRuntimes,
  findSymbolizer,
  packageOf,
  type SanitizerRuntime,
  type Wanted,
  wantedBy,
} from "../../survey/sanitizers.js";
import { places } from "../places.js";
import { circumstancesOf } from "./circumstances.js";
import type { Preparation, Prepared } from "./instrument.js";

/** Lines of a failed build that its obstacle repeats. */
const LAST_LINES = 12;

/** `asan`: the target within a sanitizer's runtime, after the user's own build where one is asked for. */
export async function prepareAsan(preparation: Preparation): Promise<Prepared> {
  const { options, target, environment, directory } = preparation;
  if (target === null) {
    throw new UserError("a sanitizer's runtime must be there from the start of a process", {
      hint: "give the command that starts it: ffi-doctor asan -- <command>",
    });
  }
  const broken = options.build === null || directory === null ? null : await build(preparation, options.build);
  const runtimes = await findRuntimes(options.sanitizer, environment["PATH"] ?? "");
  const wanted = whatIsWanted(target, options.libs, environment);
  const chosen = choose(runtimes, wanted);
  const means: Means = {
    runtime: chosen.runtime?.file ?? null,
    companion: places.companion,
    symbolizer: chosen.runtime?.compiler === "clang" ? findSymbolizer(environment["PATH"] ?? "") : null,
    inherited: environment,
  };
  const step = planAsan(options, target, means, 0);
  const plan = makePlan(options, target, { step, explanation: chosen.why }, circumstancesOf(options, environment));
  return {
    plan: withBuild(plan, options.build),
    obstacles: [...(broken === null ? [] : [broken]), ...inTheWay(preparation, target, chosen, means)],
  };
}

/** The programs and libraries that can be looked at before the start, and what they want. */
function whatIsWanted(
  target: Target,
  libs: readonly string[],
  environment: NodeJS.ProcessEnv,
): { program: Wanted | null; libraries: { path: string; wanted: Wanted }[] } {
  const libraries = libs.flatMap((name) => {
    const path = findLibrary(name, environment);
    const wanted = path === null ? null : wantedBy(path);
    return path === null || wanted === null ? [] : [{ path, wanted }];
  });
  return { program: wantedBy(target.interpreter ?? target.executable), libraries };
}

interface Chosen {
  runtime: SanitizerRuntime | null;
  /** The program brings its own. */
  own: boolean;
  /** A runtime that is wanted by its name, and not here. */
  missing: string | null;
  why: string;
}

function choose(runtimes: readonly SanitizerRuntime[], wanted: ReturnType<typeof whatIsWanted>): Chosen {
  if (wanted.program?.ownRuntime === true) {
    return { runtime: null, own: true, missing: null, why: "the program has the sanitizer's runtime built in" };
  }
  const asking = [
    { name: "the program", wanted: wanted.program },
    ...wanted.libraries.map(({ path, wanted: of }) => ({ name: basename(path), wanted: of })),
  ];
  for (const { name, wanted: of } of asking) {
    const soname = of?.soname ?? null;
    if (soname !== null) {
      const runtime = runtimes.find(({ file }) => basename(file) === soname) ?? null;
      return {
        runtime,
        own: false,
        missing: runtime === null ? soname : null,
        why: `${name} needs ${soname}, which is preloaded`,
      };
    }
  }
  const runtime = runtimes[0] ?? null;
  const instrumented = asking.find(({ wanted: of }) => (of?.checks.length ?? 0) > 0);
  return {
    runtime,
    own: false,
    missing: null,
    why:
      instrumented === undefined
        ? `${runtime?.file ?? "no runtime"} is preloaded; which libraries have a sanitizer's checks in them shows when they are loaded`
        : `${instrumented.name} has a sanitizer's checks and names no runtime: ${runtime?.file ?? "none"} is preloaded`,
  };
}

function inTheWay({ options }: Preparation, target: Target, chosen: Chosen, means: Means): Obstacle[] {
  const what = "the sanitizer cannot be used here; the target was not run";
  const install = `apt-get install -y ${packageOf(options.sanitizer)}`;
  if (chosen.missing !== null) {
    const version = /^lib([a-z]+)\.so\.(\d+)$/.exec(chosen.missing);
    const mend =
      version === null ? "apt-get install -y libclang-rt-dev" : `apt-get install -y lib${version[1]}${version[2]}`;
    return [{ what, why: `${chosen.missing}, the runtime that the library was linked to, is not here`, mend }];
  }
  if (chosen.runtime === null && !chosen.own) {
    return [
      {
        what,
        why: `no runtime of the ${options.sanitizer} sanitizer is here, neither gcc's nor clang's`,
        mend: install,
      },
    ];
  }
  if (!existsSync(means.companion)) {
    return [{ what, why: "native/build/ffi_doctor_companion.so is not built", mend: "npm run setup" }];
  }
  if (/[\s:]/.test(means.companion) || /[\s:]/.test(means.runtime ?? "")) {
    return [
      {
        what,
        why: "LD_PRELOAD takes no path with a space or a colon in it",
        mend: "install ffi-doctor in another folder",
      },
    ];
  }
  if (target.staticallyLinked) {
    return [
      {
        what,
        why: "the program is statically linked: no runtime can be loaded into it",
        mend: "link it dynamically, or build the program itself with the sanitizer (go build -asan, cc -fsanitize=address); ffi-doctor valgrind or gdb-capture take it as it is",
      },
    ];
  }
  if (target.setuid) {
    return [
      {
        what,
        why: "the kernel ignores LD_PRELOAD for a set-user-id program",
        mend: "run a copy of it without that bit",
      },
    ];
  }
  return [];
}

/** Output goes to standard error as it comes: standard output is the target's, or the report's. */
async function build(preparation: Preparation, command: string): Promise<Obstacle | null> {
  const { options, environment, log } = preparation;
  const flags = buildFlags(options.sanitizer, process.arch, environment);
  log(`building: ${command}`);
  const built = await runBuild(command, { ...environment, ...flags }, (text) => process.stderr.write(text));
  if (built.exitCode === 0) {
    return null;
  }
  const how = built.signal === null ? `with status ${built.exitCode ?? "unknown"}` : `by ${built.signal}`;
  const said = built.output.trimEnd().split("\n").slice(-LAST_LINES).join("\n");
  return {
    what: `the build failed ${how}; the target was not run`,
    why: said === "" ? "it said nothing" : said,
    mend: "see that the command builds without ffi-doctor first; docs/commands/asan.md says which flags it gets",
  };
}

function withBuild(plan: Plan, command: string | null): Plan {
  return command === null
    ? plan
    : {
        ...plan,
        explanations: [`before it, by a shell and with the sanitizer's flags: ${command}`, ...plan.explanations],
      };
}
