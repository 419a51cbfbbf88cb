import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { UserError } from "../../model/errors.js";
import type { Evidence, Obstacle } from "../../model/evidence.js";
import type { Outcome } from "../../model/primitives.js";
import type { Report } from "../../model/report.js";
import { runSession } from "../run.js";
import { type Interrupt, interruptedBy } from "./interrupt.js";
import { type CiJob, inFolder } from "./jobs.js";

const SIGNAL_BASE = 128;
/** Of a target's output, what is shown of a job that failed. */
const TAIL_BYTES = 16 << 10;
const TAIL_LINES = 20;

export interface JobResult {
  job: CiJob;
  /** As the run itself has it, before suppressions and baseline; null for a job that could not be begun. */
  report: Report | null;
  evidence: Evidence | null;
  obstacles: Obstacle[];
  durationMs: number;
  /** The last lines that the target wrote, unescaped. */
  tail: string[];
  unwritten: UserError | null;
}

/** Runs one command under one instrument. Never throws for what the command or the tools do. */
export async function runJob(job: CiJob, interrupt: Interrupt, log: (line: string) => void): Promise<JobResult> {
  const started = Date.now();
  const begun = await inFolder(job.cwd, () =>
    runSession(job.options, { targetOutput: "captured", environment: job.environment, stop: interrupt.stop, log }),
  ).catch((error: unknown) => {
    if (error instanceof UserError) {
      return error;
    }
    throw error;
  });
  const durationMs = Date.now() - started;
  if (begun instanceof UserError) {
    const { message, hint } = begun;
    const obstacles = [{ what: "it could not be started", why: message, mend: hint }];
    return { job, report: null, evidence: null, obstacles, durationMs, tail: [], unwritten: null };
  }
  const { report, evidence, runDir, unwritten } = begun;
  const output = outputOf(runDir);
  return {
    job,
    report,
    evidence,
    obstacles: [...report.obstacles, ...unexplained(job, report, output, interrupt.by())],
    durationMs,
    tail: output === null ? [] : tailOf(output),
    unwritten,
  };
}

/** A command that did not end as it should, and nothing that explains it: a program that failed to start must not pass for clean. */
function unexplained(job: CiJob, report: Report, output: string | null, by: NodeJS.Signals | null): Obstacle[] {
  const { outcome } = report.run;
  if (report.findings.length > 0 || report.obstacles.length > 0) {
    return [];
  }
  if (by !== null) {
    return [interruptedBy(by)];
  }
  if (statusOf(outcome) === job.expectStatus) {
    return [];
  }
  return [
    {
      what: `the command ${endText(outcome)}, not with status ${job.expectStatus}, and no finding explains it`,
      why: `what it was to do may not have been done${output === null ? "" : `; its output is in ${output}`}`,
      mend: `mend the command; or, where it is meant to end so, set ${job.key}.expectStatus`,
    },
  ];
}

function statusOf({ exitCode, signal }: Outcome): number | null {
  const number = signal === null ? undefined : (constants.signals as Record<string, number>)[signal];
  return number === undefined ? exitCode : SIGNAL_BASE + number;
}

function endText({ exitCode, signal }: Outcome): string {
  if (signal !== null) {
    return `was killed by ${signal}`;
  }
  return exitCode === null ? "ended in a way that was not seen" : `ended with status ${exitCode}`;
}

/** What the target wrote; where it was started more than once, the last time that it wrote anything. */
function outputOf(runDir: string): string | null {
  const folder = join(runDir, "output");
  try {
    const files = readdirSync(folder).sort();
    const written = files.map((name) => join(folder, name)).filter((file) => statSync(file).size > 0);
    return written.at(-1) ?? null;
  } catch {
    return null;
  }
}

/** Reads the end alone: the file may be of any size. */
function tailOf(file: string): string[] {
  try {
    const fd = openSync(file, "r");
    try {
      const { size } = fstatSync(fd);
      const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
      const length = readSync(fd, buffer, 0, buffer.length, size - buffer.length);
      const text = buffer.toString("utf8", 0, length).trimEnd();
      const lines = text === "" ? [] : text.split(/\r?\n/);
      // The first line is torn where the file is longer.
      return lines.slice(size > buffer.length && lines.length > 1 ? 1 : 0).slice(-TAIL_LINES);
    } finally {
      closeSync(fd);
    }
  } catch {
    return [];
  }
}
