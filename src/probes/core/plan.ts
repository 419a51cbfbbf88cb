import type { Options } from "../../model/options.js";
import type { Step } from "../../model/plan.js";

/** gdb may think long over a damaged core; in seconds, where the user sets no limit. */
const PATIENCE = 180;

/** Before gdb reads any symbols: nothing is fetched or run that a core or a library beside it names. */
const FIRST = [
  "set auto-load off",
  "set debuginfod enabled off",
  "set libthread-db-search-path /nonexistent",
  "set print thread-events off",
];

export interface CoreTools {
  gdb: string;
  script: string;
  /** Absolute paths. */
  core: string;
  executable: string;
  /** Some library here is of another build than in the core: symbols are then read of the others only. */
  selective: boolean;
}

/** One look at a core file by gdb alone: no process is started. */
export function planCore(options: Options, tools: CoreTools): Step {
  const first = [...FIRST, ...(tools.selective ? ["set auto-solib-add off"] : [])].flatMap((line) => ["-iex", line]);
  return {
    id: "core-0",
    probe: "core",
    way: "file",
    tool: [tools.gdb, "-nx", "-batch", ...first, "-x", tools.script, "-c", tools.core, tools.executable],
    toolEnv: { FFID_LOG: "{stepDir}/gdb.jsonl", FFID_FACTS: "{stepDir}/../../core.json" },
    target: null,
    targetEnv: {},
    attach: null,
    timeout: options.timeout ?? PATIENCE,
    interventions: [],
  };
}
