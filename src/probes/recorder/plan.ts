import type { Options } from "../../model/options.js";
import type { Step } from "../../model/plan.js";
import type { Intervention } from "../../model/primitives.js";
import type { Target } from "../../model/target.js";

/** Hosts whose own native code is in question where no library is named. */
const NATIVE: ReadonlySet<string> = new Set(["go", "rust", "c"]);
const MIB = 1 << 20;

export interface Means {
  /** The recorder's library. */
  library: string;
  /** Globs on the paths of what is not in question where no library is named. */
  exclude: readonly string[];
  /** The environment that the target would have had. */
  inherited: Readonly<Record<string, string | undefined>>;
}

/** The `index`-th launch of the target with the recorder in it. */
export function planRecorder(options: Options, target: Target, means: Means, index: number): Step {
  const { mode } = options.heap;
  const env: Record<string, string | null> = {
    LD_PRELOAD: [means.library, means.inherited["LD_PRELOAD"]].filter(Boolean).join(" "),
    FFI_DOCTOR_RECORDER: "{stepDir}",
    FFI_DOCTOR_RECORDER_LIBS: options.libs.length === 0 ? null : options.libs.join("\n"),
    FFI_DOCTOR_RECORDER_EXCLUDE: options.libs.length === 0 ? means.exclude.join("\n") : null,
    FFI_DOCTOR_RECORDER_OPTIONS: optionsText(options, target),
  };
  const interventions: Intervention[] = [
    {
      kind: "environment",
      what: `LD_PRELOAD=${env["LD_PRELOAD"]}`,
      why: "the recorder must be there first; its handlers of faults stand before the program's own and hand on to them. Children inherit it, and are recorded too",
    },
    {
      kind: "environment",
      what: `FFI_DOCTOR_RECORDER_OPTIONS=${env["FFI_DOCTOR_RECORDER_OPTIONS"]}`,
      why: "what the recorder is to do; three more variables of that name tell where to write and which libraries are in question",
    },
  ];
  if (mode !== "off") {
    interventions.push({ kind: "action", what: HEAP[mode], why: WHY[mode] });
  }
  return {
    id: `recorder-${index}`,
    probe: "recorder",
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

const HEAP = {
  poison:
    "blocks of the libraries in question lie in memory of the recorder's own, are filled when they are allocated and when they are freed, and are kept aside for a while then",
  guard:
    "blocks of the libraries in question lie each against a page that cannot be accessed, and cannot be accessed once they are freed",
};
const WHY = {
  poison:
    "writes before, behind and to freed blocks leave marks that are found later; what is read there is no leftover",
  guard: "an access before or behind a block, or to a freed one, is a fault at the instruction that does it",
};

/** The executable's own code is in question by default where the program itself is native. */
export function exeByDefault(options: Options, target: Target): boolean {
  return options.libs.length === 0 && NATIVE.has(target.host.runtime);
}

/** In the words of native/preload/options.c. */
function optionsText(options: Options, target: Target): string {
  const { mode, stacks, allocFill, freeFill, quarantine, guardSide } = options.heap;
  return [
    `heap=${mode}`,
    `stacks=${stacks}`,
    "signals=on",
    // Without --lib the runtimes' own would be all that is found.
    `leaks=${options.libs.length > 0 ? "on" : "off"}`,
    `alloc=${twoDigits(allocFill)}`,
    `free=${twoDigits(freeFill)}`,
    `quarantine=${quarantine * MIB}`,
    `guard=${guardSide}`,
    `exe=${exeByDefault(options, target) ? "on" : "off"}`,
  ].join(":");
}

function twoDigits(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
