import { existsSync } from "node:fs";
import type { ToolFact } from "../model/target.js";
import { which } from "./gdb.js";

/** What installs valgrind on Debian and its kin. */
export const INSTALL_VALGRIND = "apt-get install -y valgrind";

/**
 * Where valgrind is, without starting it. Debian's `valgrind` is a shell script that changes the target's environment and then executes
 * `valgrind.bin`, which is what is taken. `named` is FFI_DOCTOR_VALGRIND, which goes before PATH.
 */
export function locateValgrind(path: string, named?: string): ToolFact {
  const found = named === undefined || named === "" ? which("valgrind", path) : named;
  const file = found !== null && existsSync(`${found}.bin`) ? `${found}.bin` : found;
  const missing = file === null ? "it is not installed" : existsSync(file) ? null : `there is no ${file}`;
  return {
    name: "valgrind",
    path: file,
    version: null,
    usable: missing === null,
    why: missing,
    mend: missing === null ? null : INSTALL_VALGRIND,
  };
}
