import { runBuild } from "../../launch/build.js";
import type { Obstacle } from "../../model/evidence.js";
import { buildFlags } from "../../plan/build-flags.js";
import type { Preparation } from "./instrument.js";

/** Lines of a failed build that its obstacle repeats. */
const LAST_LINES = 12;

/**
 * `--build`: the user's own build, by a shell, with the sanitizer's flags. What it says goes to standard error as it comes: standard output
 * is the target's, or the report's. Null when it went well.
 */
export async function buildFirst(preparation: Preparation, command: string): Promise<Obstacle | null> {
  const { options, environment, log } = preparation;
  const flags = buildFlags(options.sanitizer, process.arch, environment);
  log(`building: ${command}`);
  const built = await runBuild(command, { ...environment, ...flags }, (text) => process.stderr.write(text));
  if (built.exitCode === 0) {
    return null;
  }
  const how = built.signal === null ? `with status ${built.exitCode ?? "unknown"}` : `by ${built.signal}`;
  const said = built.output.trimEnd().split("\n").slice(-LAST_LINES).join(" | ");
  return {
    what: `the build failed ${how}; the target was not run`,
    why: said === "" ? "it said nothing" : said,
    mend: "see that the command builds without ffi-doctor first; docs/commands/asan.md says which flags it gets",
  };
}
