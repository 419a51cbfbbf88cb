import type { Options } from "../../model/options.js";
import type { Allocators } from "../../model/target.js";
import { findAllocators } from "../../survey/allocators.js";

/** What a plan needs to know of this machine to turn on what `--with` names; looked up only where something is named. */
export function circumstancesOf(
  options: Options,
  environment: NodeJS.ProcessEnv,
): { inherited: NodeJS.ProcessEnv; allocators: Allocators } {
  const allocators = options.with.length > 0 ? findAllocators() : { mallocDebug: null, jemalloc: null };
  return { inherited: environment, allocators };
}
