import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../../model/errors.js";
import { makeWithParents } from "../../rundir/run-directory.js";

/** Less what the user's umask takes: the reports themselves are readable by their owner alone. */
const FOLDER_MODE = 0o777;

/**
 * Makes the folders of files that are written at the end: after an hour of runs it is too late to hear that one cannot be. Throws
 * UserError with the key that names it.
 */
export function makeFolders(files: readonly { file: string; key: string }[]): void {
  for (const { file, key } of files) {
    try {
      makeFolder(file);
    } catch (error) {
      throw new UserError(`${key}: cannot write ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, {
        hint: "name a file in a folder that can be written",
        cause: error,
      });
    }
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
      throw new UserError(`${key}: ${file} is a folder`, { hint: "name a file in it" });
    }
  }
}

/** A plain file is replaced in its folder; a device or a pipe is written to. */
function makeFolder(file: string): void {
  const there = statSync(file, { throwIfNoEntry: false });
  if (there === undefined) {
    makeWithParents(dirname(file), FOLDER_MODE);
  }
  const written = there === undefined ? dirname(file) : there.isFile() ? dirname(realpathSync(file)) : file;
  accessSync(written, constants.W_OK);
}
