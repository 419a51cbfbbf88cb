import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../model/errors.js";
import type { StepRecord } from "../model/manifest.js";
import type { DecodedStep } from "../model/recording.js";
import type { RunDirectory } from "../rundir/run-directory.js";

/** A JVM's report is some hundred KiB; what is far more is none. In bytes. */
const MOST = 16 << 20;

/**
 * Keeps what a dying runtime wrote about itself, as it lies in the working directory: HotSpot's hs_err_pid<pid>.log (or where
 * -XX:ErrorFile says). The original stays where it is.
 */
export function keepHostReports(directory: RunDirectory, step: StepRecord, decoded: DecodedStep): void {
  for (const { pid, command } of decoded.crashes) {
    const text = readNew(errorFile(command, pid), Date.parse(step.startedAt));
    if (text !== null) {
      try {
        directory.writeText(`raw/${step.id}/hs_err_pid${pid}.log`, text);
      } catch (error) {
        if (!(error instanceof UserError)) {
          throw error;
        }
      }
    }
  }
}

/** %p stands for the pid, as the JVM has it. */
function errorFile(command: readonly string[], pid: number): string {
  const asked = command.findLast((word) => word.startsWith("-XX:ErrorFile="))?.slice("-XX:ErrorFile=".length);
  return resolve(asked?.replaceAll("%p", String(pid)) ?? `hs_err_pid${pid}.log`);
}

function readNew(file: string, since: number): string | null {
  try {
    const facts = statSync(file);
    return facts.isFile() && facts.size <= MOST && facts.mtimeMs >= since ? readFileSync(file, "utf8") : null;
  } catch {
    return null;
  }
}
