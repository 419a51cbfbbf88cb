import { basename } from "node:path";
import type { Options } from "../../model/options.js";
import type { Step } from "../../model/plan.js";
import type { HostRuntime, Intervention } from "../../model/primitives.js";

/** Frames of a stack that valgrind keeps. A library below a Python host has some 24 above it. */
export const CALLERS = 40;

/** Bytes before and behind each block in which an access still tells whose block it missed; memcheck's own choice is 16. */
const REDZONE = 512;

/** Where a step leaves its XML; `%p` is the pid. */
const XML = "{stepDir}/vg.%p.xml";
/** No %p: valgrind would then give a forked process a log of its own, and write its XML into that of its parent. */
export const LOG = "valgrind.log";

/** What must be known of a target to plan for it. */
export interface ValgrindTarget {
  runtime: HostRuntime;
  /** The argv to start, with the shims taken off. */
  command: string[];
  /** What taking them off changed, and what was mended. */
  environment: Record<string, string>;
  interventions: Intervention[];
}

/** The environment that the target would have had. */
type Inherited = Readonly<Record<string, string | undefined>>;

/** The `index`-th launch of the target under memcheck; `origins` asks where each value that was never written came from. */
export function planValgrind(
  options: Options,
  target: ValgrindTarget,
  tools: { valgrind: string; inherited: Inherited },
  origins: boolean,
): Step {
  const own = settingsFor(target, tools.inherited);
  return {
    id: "valgrind-0",
    probe: "valgrind",
    way: "around",
    tool: [
      tools.valgrind,
      "-v",
      "--tool=memcheck",
      "--xml=yes",
      `--xml-file=${XML}`,
      `--log-file={stepDir}/${LOG}`,
      // With XML, memcheck looks for leaks whatever it is told; where nobody asked it writes none, as they would be most of the file.
      "--leak-check=full",
      `--show-leak-kinds=${options.libs.length > 0 ? "definite,possible" : "none"}`,
      `--num-callers=${CALLERS}`,
      `--redzone-size=${REDZONE}`,
      "--keep-debuginfo=yes",
      "--trace-children=yes",
      "--error-limit=no",
      "--vgdb=no",
      // Translated together with its caller, a function's first instruction is told as the caller's call (3.19); alone it is faster, too.
      "--vex-guest-chase=no",
      // Else a program whose handler returns to the access that faulted goes on with registers of long before.
      "--vex-iropt-register-updates=allregs-at-mem-access",
      // Which accesses faulted, and were handled.
      "--trace-signals=yes",
      ...(origins ? ["--track-origins=yes"] : []),
    ],
    toolEnv: {},
    target: withFlag(target.command, own.flag),
    targetEnv: { ...target.environment, ...own.environment },
    attach: null,
    timeout: options.timeout,
    setAside: true,
    interventions: [...target.interventions, ...own.interventions],
  };
}

/** The step that runs the target once more, to learn where values came from that were never written. */
export function planOrigins(step: Step): Step {
  return {
    ...step,
    id: step.id.replace(/-\d+$/, "-origins-0"),
    tool: [...step.tool, "--track-origins=yes"],
    silent: true,
  };
}

function withFlag([program = "", ...rest]: readonly string[], flag: string | null): string[] {
  return flag === null ? [program, ...rest] : [program, flag, ...rest];
}

interface Settings {
  environment: Record<string, string>;
  /** Put right behind the program's name. */
  flag: string | null;
  interventions: Intervention[];
}

/** The second compiler's work is as slow under valgrind as anything, and the code it makes must be translated once more. */
const FIRST_COMPILER = "-XX:TieredStopAtLevel=1";

function settingsFor({ runtime, command }: ValgrindTarget, inherited: Inherited): Settings {
  const none: Settings = { environment: {}, flag: null, interventions: [] };
  switch (runtime) {
    case "java":
      return basename(command[0] ?? "") === "java"
        ? {
            environment: {},
            flag: FIRST_COMPILER,
            interventions: [
              {
                kind: "flag",
                what: FIRST_COMPILER,
                why: "the JVM's second compiler costs more time under valgrind than it saves; flags of your own go before it",
              },
            ],
          }
        : none;
    case "python":
    case "unknown":
      return inherited["PYTHONMALLOC"] === undefined
        ? setting("PYTHONMALLOC", "malloc", "CPython's small objects then are blocks that valgrind knows")
        : none;
    default:
      return none;
  }
}

function setting(name: string, value: string, why: string): Settings {
  return {
    environment: { [name]: value },
    flag: null,
    interventions: [{ kind: "environment", what: `${name}=${value}`, why }],
  };
}
