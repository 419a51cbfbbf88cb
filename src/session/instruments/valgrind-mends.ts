import { dirname, isAbsolute, join, resolve } from "node:path";
import type { Obstacle } from "../../model/evidence.js";
import type { Step } from "../../model/plan.js";
import type { Intervention } from "../../model/primitives.js";
import type { DecodedStep } from "../../model/recording.js";
import { MENDED } from "../../probes/valgrind/names.js";
import { debugLayout } from "../../survey/elf.js";
import { INSTALL_OBJCOPY, layoutText, mendedCopy, type Unreadable, unreadableFiles } from "../../survey/mended.js";
import type { Preparation } from "./instrument.js";

/** How often a run is made again with one more file mended. */
const MOST_AGAIN = 5;

/** What a command becomes when files that valgrind dies of are replaced by copies. */
export interface Replaced {
  command: string[];
  environment: Record<string, string>;
  interventions: Intervention[];
  obstacles: Obstacle[];
}

/** Looks through the program and its libraries before it is run, and mends what valgrind would die of, on copies in the run directory. */
export async function mendBeforehand(
  { options, environment, directory }: Preparation,
  bare: { command: string[]; environment: Record<string, string> },
  program: string | null,
): Promise<Replaced> {
  const out: Replaced = { ...bare, interventions: [], obstacles: [] };
  if (program === null) {
    return out;
  }
  const named = options.libs.filter((lib) => lib.includes("/") && !/[*?[]/.test(lib)).map((lib) => resolve(lib));
  const libraryPath = environment["LD_LIBRARY_PATH"] ?? "";
  for (const file of unreadableFiles(program, named, libraryPath)) {
    const copy =
      directory === null ? null : await mendedCopy(resolve(file.path), file.layout, join(directory.path, MENDED));
    if (copy !== null) {
      replace(out, file, copy, program, environment);
    } else if (directory !== null) {
      out.obstacles.push(cannotMend(file));
    }
  }
  return out;
}

function replace(out: Replaced, file: Unreadable, copy: string, program: string, environment: NodeJS.ProcessEnv): void {
  if (file.path === program) {
    out.command = [copy, ...out.command.slice(1)];
  } else {
    out.environment = withFolder(out.environment, environment, dirname(copy));
  }
  out.interventions.push({
    kind: "action",
    what: `${file.path} is replaced by ${copy}`,
    why: `this valgrind cannot read ${layoutText(file.layout)}`,
  });
}

function withFolder(
  own: Record<string, string>,
  environment: NodeJS.ProcessEnv,
  folder: string,
): Record<string, string> {
  const before = own["LD_LIBRARY_PATH"] ?? environment["LD_LIBRARY_PATH"];
  return { ...own, LD_LIBRARY_PATH: [folder, before].filter(Boolean).join(":") };
}

function cannotMend(file: Unreadable): Obstacle {
  return {
    what: `${file.path} has ${layoutText(file.layout)}, which valgrind dies of; it was not run`,
    why: "a copy without it could not be made: objcopy is not installed, or failed",
    mend: INSTALL_OBJCOPY,
  };
}

/**
 * After a run that valgrind did not survive: the same once more, with a copy of the file that it died of where the dynamic linker finds it
 * first. Null where that would help nobody: the file was replaced already, so that the target names it by its whole path.
 */
export function mender({
  environment,
  directory,
}: Preparation): (step: Step, decoded: DecodedStep) => Promise<Step | null> {
  const tried = new Set<string>();
  return async (step, decoded) => {
    const file = decoded.unreadable?.find((path) => isAbsolute(path) && !tried.has(path));
    if (file === undefined || directory === null || tried.size >= MOST_AGAIN) {
      return null;
    }
    tried.add(file);
    const copy = await mendedCopy(file, debugLayout(file), join(directory.path, MENDED));
    if (copy === null) {
      return null;
    }
    const own = step.targetEnv["LD_LIBRARY_PATH"] ?? undefined;
    const env = withFolder(own === undefined ? {} : { LD_LIBRARY_PATH: own }, environment, dirname(copy));
    return {
      ...step,
      id: `valgrind-mended-${tried.size - 1}`,
      targetEnv: { ...step.targetEnv, ...env },
      interventions: [
        ...step.interventions,
        {
          kind: "action",
          what: `${file} is replaced by ${copy}, by LD_LIBRARY_PATH`,
          why: "this valgrind died of its debug information; the run was made again",
        },
      ],
    };
  };
}
