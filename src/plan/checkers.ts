import { basename } from "node:path";
import { UserError } from "../model/errors.js";
import type { Options } from "../model/options.js";
import type { Step } from "../model/plan.js";
import type { HostRuntime, Intervention } from "../model/primitives.js";
import type { Target } from "../model/target.js";
import type { Checker } from "../model/vocabulary.js";

/** What of ffi-doctor's own environment the target would have had, by name. */
export type Inherited = Readonly<Record<string, string | undefined>>;

interface Change {
  env?: Record<string, string>;
  /** Put right behind the program's name. */
  flag?: string;
  what: string;
}

interface Setting {
  runtime: HostRuntime;
  why: string;
  change(command: readonly string[], inherited: Inherited, version: string | null): Change;
}

/** A checker that a runtime itself has, and how it is turned on. */
const settings: Record<Checker, Setting> = {
  cgocheck: {
    runtime: "go",
    why: "Go then checks the pointers that cross to C (go doc runtime); since Go 1.21 the thorough check needs a build with GOEXPERIMENT=cgocheck2",
    // A newer Go ends at once when it is asked for 2.
    change: (_command, inherited, version) =>
      setting(
        "GODEBUG",
        joined(inherited["GODEBUG"], /^1\.(1?\d|20)(\.|$)/.test(version ?? "") ? "cgocheck=2" : "cgocheck=1", ","),
      ),
  },
  "xcheck-jni": {
    runtime: "java",
    why: "the JVM then checks each call through JNI, and says what is wrong with it on standard output",
    change: (command, inherited) =>
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
    change: (_command, inherited) =>
      setting("NODE_OPTIONS", joined(inherited["NODE_OPTIONS"], "--abort-on-uncaught-exception", " ")),
  },
};

/** A step with the checkers that `--with` names turned on, each told as an intervention. Throws UserError for one of another runtime. */
export function withCheckers(step: Step, options: Options, target: Target | null, inherited: Inherited): Step {
  return options.with.reduce((before, name) => turnedOn(before, name, target, inherited), step);
}

function turnedOn(step: Step, name: Checker, target: Target | null, inherited: Inherited): Step {
  const { runtime, why, change } = settings[name];
  if (step.target === null || target === null) {
    throw new UserError(`--with ${name} cannot change a process that runs already`, {
      hint: "start the program by ffi-doctor, in place of --attach",
    });
  }
  if (target.host.runtime !== runtime && target.host.runtime !== "unknown") {
    throw new UserError(`--with ${name} is for ${runtime}, and ${step.target[0] ?? "this"} is ${target.host.runtime}`, {
      hint: "leave it out",
    });
  }
  const [program = "", ...rest] = step.target;
  const { env, flag, what } = change(step.target, { ...inherited, ...text(step.targetEnv) }, target.host.version);
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
