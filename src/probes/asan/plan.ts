import type { Options } from "../../model/options.js";
import type { Step } from "../../model/plan.js";
import type { HostRuntime, Intervention, Sanitizer } from "../../model/primitives.js";
import type { Target } from "../../model/target.js";

/** What a sanitizer ends a process with where it ended it: told apart from most programs' own statuses. */
export const SANITIZER_EXIT = 99;

/**
 * Frames of each allocation and free that are kept, so that they reach from a library's allocation to the crossing call. Each is dear
 * where a runtime allocates much: Node's start takes 2 s of CPU with 10, 3 s with 16, 0.2 s with the quick way that stops at koffi.
 */
const CONTEXT = 16;
const NODE_CONTEXT = 10;

export interface Means {
  /** The runtime to be preloaded; null where the program brings its own. */
  runtime: string | null;
  companion: string;
  /** What turns addresses into lines for clang's runtimes; null where none is here, or none is needed. */
  symbolizer: string | null;
  /** The environment that the target would have had. */
  inherited: Readonly<Record<string, string | undefined>>;
}

const VARIABLES = ["ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"] as const;

/** The variable whose runtime is the one that is asked for. */
const MAIN: Record<Sanitizer, (typeof VARIABLES)[number]> = {
  address: "ASAN_OPTIONS",
  undefined: "UBSAN_OPTIONS",
  thread: "TSAN_OPTIONS",
  leak: "LSAN_OPTIONS",
};

const PURPOSE = {
  main: "the sanitizer writes to the run directory, keeps whole stacks, and leaves the host's own signals as far as the host needs them",
  other: "should this sanitizer come in with a library, it writes to the run directory, too",
} as const;

/** The `index`-th launch of the target within a sanitizer's runtime. */
export function planAsan(options: Options, target: Target, means: Means, index: number): Step {
  const { runtime } = target.host;
  const leaks = leaksWanted(options);
  const env: Record<string, string> = {
    LD_PRELOAD: [means.runtime, means.companion, means.inherited["LD_PRELOAD"]].filter(Boolean).join(" "),
    FFI_DOCTOR_COMPANION: "{stepDir}",
  };
  const interventions: Intervention[] = [
    {
      kind: "environment",
      what: `LD_PRELOAD=${env["LD_PRELOAD"]}`,
      why: "the sanitizer's runtime must be there first; the companion behind it notes what was loaded and asks the host for its own frames at death. Children inherit both. Libraries are not unloaded",
    },
  ];
  // LeakSanitizer within AddressSanitizer reads the same options, and its own would come last.
  for (const name of VARIABLES.filter((one) => one !== "LSAN_OPTIONS" || options.sanitizer !== "address")) {
    env[name] = optionsText(name, options.sanitizer, runtime, leaks, means.inherited[name]);
    const why = name === MAIN[options.sanitizer] ? PURPOSE.main : PURPOSE.other;
    interventions.push({ kind: "environment", what: `${name}=${env[name]}`, why });
  }
  const add = (name: string, value: string, why: string): void => {
    env[name] = value;
    interventions.push({ kind: "environment", what: `${name}=${value}`, why });
  };
  if (leaks) {
    add("FFI_DOCTOR_COMPANION_LEAKS", "1", "leaks are looked for at exit, and the exit status stays the program's own");
  }
  if (runtime === "python" && means.inherited["PYTHONMALLOC"] === undefined && options.sanitizer !== "thread") {
    add("PYTHONMALLOC", "malloc", "CPython's own allocator would hide its small blocks from the sanitizer");
  }
  if (means.symbolizer !== null && means.inherited["ASAN_SYMBOLIZER_PATH"] === undefined) {
    add("ASAN_SYMBOLIZER_PATH", means.symbolizer, "clang's runtimes name functions and lines by it");
  }
  return {
    id: `asan-${index}`,
    probe: "asan",
    way: "within",
    tool: [],
    toolEnv: {},
    target: options.command,
    targetEnv: env,
    attach: null,
    timeout: options.timeout,
    interventions,
  };
}

/** Without `--lib` the runtimes' own leaks would be all that is found. */
export function leaksWanted({ sanitizer, libs }: Pick<Options, "sanitizer" | "libs">): boolean {
  return sanitizer === "leak" || (sanitizer === "address" && libs.length > 0);
}

/** Ours, then the user's own, which win, then what the recording cannot do without. Later ones win. */
function optionsText(
  name: (typeof VARIABLES)[number],
  sanitizer: Sanitizer,
  runtime: HostRuntime,
  leaks: boolean,
  own: string | undefined,
): string {
  const log = `log_path="{stepDir}/${name.split("_")[0]?.toLowerCase()}"`;
  if (name !== MAIN[sanitizer] && name !== "UBSAN_OPTIONS") {
    return [own ?? "", log, `exitcode=${SANITIZER_EXIT}`].filter(Boolean).join(":");
  }
  // ThreadSanitizer goes on after a report, and the exit status is to stay the program's own.
  const exit = `exitcode=${sanitizer === "thread" ? 0 : SANITIZER_EXIT}`;
  // Quoted, as the form has spaces. Each frame then has its module, also where it has a source line.
  const needed = ['stack_trace_format="    #%n %p in %f %L (%m+%o)"', log, exit];
  return [...defaults(name, runtime, leaks), own ?? "", ...needed].filter(Boolean).join(":");
}

function defaults(name: (typeof VARIABLES)[number], runtime: HostRuntime, leaks: boolean): string[] {
  const context = runtime === "node" || runtime === "unknown" ? NODE_CONTEXT : CONTEXT;
  const unwinding = ["fast_unwind_on_malloc=0", `malloc_context_size=${context}`];
  const looking = [`detect_leaks=${leaks ? 1 : 0}`, "leak_check_at_exit=0"];
  switch (name) {
    case "ASAN_OPTIONS":
      return ["handle_abort=1", ...unwinding, ...looking];
    case "LSAN_OPTIONS":
      return [...unwinding, ...looking];
    case "UBSAN_OPTIONS":
      return ["print_stacktrace=1"];
    case "TSAN_OPTIONS":
      return ["second_deadlock_stack=1", "history_size=4"];
  }
}
