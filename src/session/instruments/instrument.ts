import type { Obstacle } from "../../model/evidence.js";
import type { StepRecord } from "../../model/manifest.js";
import type { Options } from "../../model/options.js";
import type { Plan, Step } from "../../model/plan.js";
import type { DecodedStep } from "../../model/recording.js";
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
  /** What the command is behind its shims, where it has some. */
  target?: Target;
  /** Why the plan cannot be carried out here; empty when it can. */
  obstacles: Obstacle[];
  /** What a step's recording needs of this machine, before it is read. */
  settle?(record: StepRecord): Promise<void>;
  /** After a step that the tool did not survive: the same step with the cause mended, or null where it cannot be. */
  mend?(step: Step, decoded: DecodedStep): Promise<Step | null>;
}

/** What a verb that observes a target needs besides what all of them do alike: its tools looked up, and its plan. */
export type Instrument = (preparation: Preparation) => Prepared | Promise<Prepared>;
