import type { Obstacle } from "../../model/evidence.js";
import type { Options } from "../../model/options.js";
import type { Plan } from "../../model/plan.js";
import type { Target } from "../../model/target.js";
import type { RunDirectory } from "../../rundir/run-directory.js";

export interface Preparation {
  options: Options;
  /** Null where no command is started. */
  target: Target | null;
  environment: NodeJS.ProcessEnv;
  /** Null for a dry run, which starts nothing and leaves nothing. */
  directory: RunDirectory | null;
  log(line: string): void;
}

export interface Prepared {
  plan: Plan;
  /** Why the plan cannot be carried out here; empty when it can. */
  obstacles: Obstacle[];
}

/** What a verb that observes a target needs besides what all of them do alike: its tools looked up, and its plan. */
export type Instrument = (preparation: Preparation) => Prepared | Promise<Prepared>;
