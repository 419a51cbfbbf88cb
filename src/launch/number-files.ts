import { readdirSync, renameSync, watch } from "node:fs";
import { join } from "node:path";

/** A file that has its number. */
const NUMBERED = /\.\d+$/;

/**
 * Gives each file that appears in a folder a number as soon as it does, until the returned function is called. A tool that opens its
 * output by one name in each program that a process executes would else cut off what it wrote about the one before; what it has open it
 * goes on writing under the new name.
 */
export function numberFiles(folder: string): () => void {
  let next = 1;
  const number = (name: string): void => {
    if (NUMBERED.test(name)) {
      return;
    }
    try {
      renameSync(join(folder, name), join(folder, `${name}.${next}`));
      next += 1;
    } catch {
      // The event of a name that is gone: our own renaming.
    }
  };
  const watcher = watch(folder, (_event, name) => {
    if (name !== null) {
      number(name);
    }
  });
  watcher.on("error", () => {});
  return () => {
    watcher.close();
    for (const name of namesIn(folder)) {
      number(name);
    }
  };
}

/** None where the target has removed the folder, as a clean-up of a working tree may. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
