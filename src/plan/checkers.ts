import { basename } from "node:path";
import { UserError } from "../model/errors.js";
import type { Options } from "../model/options.js";
import type { Step } from "../model/plan.js";
import type { HostRuntime, Intervention } from "../model/primitives.js";
import type { Allocators, Target } from "../model/target.js";
import type { Checker } from "../model/vocabulary.js";

/** What of ffi-doctor's own environment the target would have had, by name. */
export type Inherited = Readonly<Record<string, string | undefined>>;

/** glibc then fills freed memory with 0xdf, which is no text, and allocated memory with its complement (mallopt(3)). */
const MALLOC_FILL = 0xdf;

interface Change {
  env?: Record<string, string>;
  /** Put right behind the program's name. */
  flag?: string;
  what: string;
}

/** What a checker's settings depend on. */
interface Circumstances {
  command: readonly string[];
  inherited: Inherited;
  /** The runtime's. */
  version: string | null;
  allocators: Allocators;
}

interface Setting {
  /** Null for every program that is linked dynamically. */
  runtime: HostRuntime | null;
  why: string;
  change(circumstances: Circumstances): Change;
}

/** A checker that a runtime itself or an allocator has, and how it is turned on. */
const settings: Record<Checker, Setting> = {
  cgocheck: {
    runtime: "go",
    why: "Go then checks the pointers that cross to C (go doc runtime); since Go 1.21 the thorough check needs a build with GOEXPERIMENT=cgocheck2",
    // A newer Go ends at once when it is asked for 2.
    change: ({ inherited, version }) =>
      setting(
        "GODEBUG",
        joined(inherited["GODEBUG"], /^1\.(1?\d|20)(\.|$)/.test(version ?? "") ? "cgocheck=2" : "cgocheck=1", ","),
      ),
  },
  "xcheck-jni": {
    runtime: "java",
    why: "the JVM then checks each call through JNI, and says what is wrong with it on standard output",
    change: ({ command, inherited }) =>
      basename(command[0] ?? "") === "java"
        ? { flag: "-Xcheck:jni", what: "-Xcheck:jni" }
        : setting("JAVA_TOOL_OPTIONS", joined(inherited["JAVA_TOOL_OPTIONS"], "-Xcheck:jni", " ")),
  },
  "python-malloc": {
    runtime: "python",
    why: "CPython's allocator then fills and guards its blocks, and ends the process where they are overrun",
    change: () => setting("PYTHONMALLOC", "debug"),
  },
  "python-dev": {
    runtime: "python",
    why: "CPython's development mode (-X dev): its allocator's checks, faulthandler, and warnings",
    change: () => setting("PYTHONDEVMODE", "1"),
  },
  "node-abort": {
    runtime: "node",
    why: "an exception that nobody catches then aborts, so that the native stack below it is seen",
    change: ({ inherited }) =>
      setting("NODE_OPTIONS", joined(inherited["NODE_OPTIONS"], "--abort-on-uncaught-exception", " ")),
  },
  "malloc-check": {
    runtime: null,
    why: "glibc's debugging malloc checks each block when it is freed, and fills it then and when it is allocated (mallopt(3))",
    change: ({ inherited, allocators }) =>
      allocator(inherited, allocators.mallocDebug, "malloc-check", "libc_malloc_debug.so.0", "libc6", {
        MALLOC_CHECK_: "3",
        // Not what jemalloc fills with: a fault then tells by its pattern who filled.
        MALLOC_PERTURB_: String(MALLOC_FILL),
      }),
  },
  jemalloc: {
    runtime: null,
    why: "jemalloc fills memory with a5 when it is allocated and 5a when it is freed (jemalloc(3), opt.junk), so that what is used too early or too late shows",
    change: ({ inherited, allocators }) =>
      allocator(inherited, allocators.jemalloc, "jemalloc", "libjemalloc.so.2", "libjemalloc2", {
        MALLOC_CONF: joined(inherited["MALLOC_CONF"], "junk:true", ","),
      }),
  },
};

/** An allocator in place of the program's own, by LD_PRELOAD (ld.so(8)). Throws UserError where it is not here. */
function allocator(
  inherited: Inherited,
  file: string | null,
  name: Checker,
  library: string,
  debianPackage: string,
  env: Record<string, string>,
): Change {
  if (file === null) {
    throw new UserError(`--with ${name} needs ${library}, which is not here`, {
      exitCode: 3,
      hint: `apt-get install -y ${debianPackage}`,
    });
  }
  const preload = joined(inherited["LD_PRELOAD"], file, ":");
  const all = { LD_PRELOAD: preload, ...env };
  const what = Object.entries(all).map(([key, value]) => `${key}=${value}`);
  return { env: all, what: what.join(" ") };
}

/** A step with the checkers that `--with` names turned on, each told as an intervention. Throws UserError for one of another runtime. */
export function withCheckers(
  step: Step,
  options: Options,
  target: Target | null,
  inherited: Inherited,
  allocators: Allocators,
): Step {
  return options.with.reduce((before, name) => turnedOn(before, name, target, inherited, allocators), step);
}

function turnedOn(
  step: Step,
  name: Checker,
  target: Target | null,
  inherited: Inherited,
  allocators: Allocators,
): Step {
  const { runtime, why, change } = settings[name];
  if (step.target === null || target === null) {
    throw new UserError(`--with ${name} cannot change a process that runs already`, {
      hint: "start the program by ffi-doctor, in place of --attach",
    });
  }
  if (runtime === null) {
    refuseAllocator(step, name, target);
  } else if (target.host.runtime !== runtime && target.host.runtime !== "unknown") {
    throw new UserError(`--with ${name} is for ${runtime}, and ${step.target[0] ?? "this"} is ${target.host.runtime}`, {
      hint: "leave it out",
    });
  }
  const [program = "", ...rest] = step.target;
  const { env, flag, what } = change({
    command: step.target,
    inherited: { ...inherited, ...text(step.targetEnv) },
    version: target.host.version,
    allocators,
  });
  const intervention: Intervention = { kind: flag === undefined ? "environment" : "flag", what, why };
  return {
    ...step,
    target: flag === undefined ? step.target : [program, flag, ...rest],
    targetEnv: { ...step.targetEnv, ...env },
    interventions: [
      ...step.interventions.filter(({ what: other }) => variableOf(other) !== variableOf(what)),
      merged(intervention, step.interventions),
    ],
  };
}

/** Throws UserError where another allocator would not come in, or would take a checker's place. */
function refuseAllocator(step: Step, name: Checker, target: Target): void {
  if (step.probe === "valgrind" || step.probe === "asan") {
    throw new UserError(`--with ${name} and ${step.probe} each replace malloc`, { hint: `leave --with ${name} out` });
  }
  if (target.staticallyLinked || target.setuid) {
    const why = target.setuid ? "setuid" : "statically linked";
    throw new UserError(`--with ${name} works by LD_PRELOAD, and ${target.file} is ${why}`, { hint: "leave it out" });
  }
}

/** One variable is told once, with all its reasons. */
function merged(intervention: Intervention, before: readonly Intervention[]): Intervention {
  const same = before.find(({ what }) => variableOf(what) === variableOf(intervention.what));
  return same === undefined ? intervention : { ...intervention, why: `${same.why}; ${intervention.why}` };
}

function variableOf(what: string): string {
  return what.split("=", 1)[0] ?? what;
}

function setting(name: string, value: string): Change {
  return { env: { [name]: value }, what: `${name}=${value}` };
}

function joined(before: string | undefined, more: string, separator: string): string {
  return before ? `${before}${separator}${more}` : more;
}

function text(env: Step["targetEnv"]): Inherited {
  return Object.fromEntries(Object.entries(env).map(([key, value]) => [key, value ?? undefined]));
}
