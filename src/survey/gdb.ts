import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import type { ToolFact } from "../model/target.js";

/** What installs gdb on Debian and its kin. */
export const INSTALL_GDB = "apt-get install -y gdb";

/** Where a tool is on PATH, or null; as execvp(3) would find it. */
export function which(name: string, path: string): string | null {
  for (const folder of path.split(":")) {
    const file = join(folder === "" ? "." : folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) {
        return file;
      }
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/**
 * Where gdb is, without starting it: what else may be wrong with it shows when it runs. `named` is FFI_DOCTOR_GDB, which goes before
 * PATH.
 */
export function locateGdb(path: string, named?: string): ToolFact {
  const file = named === undefined || named === "" ? which("gdb", path) : named;
  const usable = file !== null;
  return {
    name: "gdb",
    path: file,
    version: null,
    usable,
    why: usable ? null : "it is not installed",
    mend: usable ? null : INSTALL_GDB,
  };
}
