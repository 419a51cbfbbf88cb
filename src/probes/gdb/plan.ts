import type { Options } from "../../model/options.js";
import type { Step } from "../../model/plan.js";
import type { Intervention } from "../../model/primitives.js";
import type { Target } from "../../model/target.js";

/**
 * V8 options that NODE_OPTIONS may carry (node(1)); plain --perf-basic-prof would also leave a log file in the working directory. Without both, JavaScript frames have no names in a native stack. */
const V8_NAMES = "--perf-basic-prof-only-functions --interpreted-frames-native-stack";

/** The `index`-th launch of the target under gdb, or the attachment to a running process. */
export function planGdb(
  options: Options,
  target: Target | null,
  tools: { gdb: string; script: string; nodeOptions: string | undefined },
  index: number,
): Step {
  const names = target !== null && (target.host.runtime === "node" || target.host.runtime === "unknown");
  const nodeOptions = [tools.nodeOptions, V8_NAMES].filter(Boolean).join(" ");
  const interventions: Intervention[] = names
    ? [
        {
          kind: "environment",
          what: `NODE_OPTIONS=${nodeOptions}`,
          why: "V8 then writes the names of JavaScript functions to /tmp/perf-<pid>.map, removed after the run",
        },
      ]
    : [];
  return {
    id: `gdb-${index}`,
    probe: "gdb",
    way: "beside",
    tool: [tools.gdb, "-nx", "-batch", "-x", tools.script],
    toolEnv: { FFID_LOG: "{stepDir}/gdb.jsonl", FFID_MODE: target === null ? "attach" : "launch" },
    target: target === null ? null : options.command,
    targetEnv: names ? { NODE_OPTIONS: nodeOptions } : {},
    attach: options.attach,
    timeout: options.timeout,
    interventions,
  };
}
