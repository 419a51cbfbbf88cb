import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { UserError } from "../model/errors.js";
import type { StepRecord } from "../model/manifest.js";
import type { DecodedStep } from "../model/recording.js";
import type { RunDirectory } from "../rundir/run-directory.js";

/** A JVM's report is some hundred KiB; what is far more is none. In bytes. */
const MOST = 16 << 20;
/** A report of the death that left a core was written so close to it; another process may have had the pid since. In milliseconds. */
const BESIDE_CORE = 120_000;

/**
 * Keeps what a dying runtime wrote about itself, as it lies in the working directory, or beside the core: HotSpot's hs_err_pid<pid>.log
 * (or where -XX:ErrorFile says). The original stays where it is.
 */
export function keepHostReports(
  directory: RunDirectory,
  step: StepRecord,
  decoded: DecodedStep,
  core: string | null,
): void {
  const { folder, since, until } = core === null ? { ...HERE, since: Date.parse(step.startedAt) } : around(core);
  for (const { pid, command } of decoded.crashes) {
    const text = readWithin(errorFile(folder, command, pid), since, until);
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

interface When {
  folder: string;
  since: number;
  until: number;
}

const HERE = { folder: ".", until: Number.POSITIVE_INFINITY };

function around(core: string): When {
  const written = statSync(core, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return { folder: dirname(core), since: written - BESIDE_CORE, until: written + BESIDE_CORE };
}

/** %p stands for the pid, as the JVM has it. */
function errorFile(folder: string, command: readonly string[], pid: number): string {
  const asked = command.findLast((word) => word.startsWith("-XX:ErrorFile="))?.slice("-XX:ErrorFile=".length);
  return resolve(folder, asked?.replaceAll("%p", String(pid)) ?? `hs_err_pid${pid}.log`);
}

function readWithin(file: string, since: number, until: number): string | null {
  try {
    const facts = statSync(file);
    const fits = facts.mtimeMs >= since && facts.mtimeMs <= until;
    return facts.isFile() && facts.size <= MOST && fits ? readFileSync(file, "utf8") : null;
  } catch {
    return null;
  }
}
