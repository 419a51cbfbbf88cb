import { basename, join, resolve } from "node:path";
import { UserError } from "../model/errors.js";
import type { Obstacle } from "../model/evidence.js";
import type { Options } from "../model/options.js";
import type { Plan } from "../model/plan.js";
import type { Severity } from "../model/primitives.js";
import type { Job, Report } from "../model/report.js";
import type { Target } from "../model/target.js";
import { type Redaction, redactReport, secretsOfEnvironment } from "../render/redact.js";
import { RunDirectory } from "../rundir/run-directory.js";
import { type NamedBaseline, readBaseline } from "./baseline-file.js";
import { type LoadedConfig, loadConfig } from "./ci/config-file.js";
import { makeFolders } from "./ci/folders.js";
import { interruptedBy, onInterrupt } from "./ci/interrupt.js";
import { type CiJob, checkJob, inFolder, jobsOf } from "./ci/jobs.js";
import { type JobResult, runJob } from "./ci/run-job.js";
import { type Judgement, jobOf, wholeReport } from "./ci/whole.js";
import { defaultOut, planSession } from "./run.js";

/** What the command line asks for; what it leaves null, the configuration says. */
export interface CiRequest {
  config: string | null;
  only: readonly string[];
  out: string | null;
  baseline: string | null;
  updateBaseline: boolean;
  failOn: Severity | null;
  timeout: number | null;
  showMemory: boolean;
  /** Files that the command line asks for besides those of the configuration. */
  files: readonly string[];
}

export interface JobPosition {
  index: number;
  of: number;
  /** It has new findings, or could not be answered. */
  failed: boolean;
  /** The last lines of what the target wrote, unescaped, and where all of it is. */
  tail: readonly string[];
  output: string;
}

export interface CiIo {
  environment: NodeJS.ProcessEnv;
  /** One line on what is going on, for `-v`. */
  log(line: string): void;
  onJob(job: Job, position: JobPosition): void;
}

export interface CiResult {
  report: Report;
  runDir: string;
  failOn: Severity;
  /** What the configuration asks to be written, with whole paths. */
  outputs: Options["formats"];
  /** The new baseline and where it goes. */
  baseline: { file: string; report: Report } | null;
  /** What the environments of the runs hold that must not be shown. */
  secrets: string[];
  unwritten: UserError | null;
}

/** What `--dry-run` shows of each job: nothing is started. Throws UserError as `ciSession` does. */
export async function ciPlans(
  request: CiRequest,
  environment: NodeJS.ProcessEnv,
): Promise<{ job: CiJob; plan: Plan; target: Target | null }[]> {
  const { jobs } = await prepare(request, environment);
  const planned: { job: CiJob; plan: Plan; target: Target | null }[] = [];
  for (const job of jobs) {
    planned.push({ job, ...(await inFolder(job.cwd, () => planSession(job.options, job.environment))) });
  }
  return planned;
}

/**
 * Runs what the configuration lists, each command under each of its instruments, and makes one report of it. Throws UserError for what
 * the user can mend before anything was started.
 */
export async function ciSession(request: CiRequest, io: CiIo): Promise<CiResult> {
  const started = new Date();
  const { loaded, jobs, judgement, baselineFile, out } = await prepare(request, io.environment);
  const { config, folder } = loaded;
  const directory = RunDirectory.createFolder(out);
  const outputs = config.outputs.map(({ format, file }) => ({ format, file: resolve(folder, file) }));
  makeFolders([
    ...outputs.map(({ file }, i) => ({ file, key: `outputs[${i}].file` })),
    ...request.files.map((file) => ({ file: resolve(file), key: "--format" })),
    ...(request.updateBaseline && baselineFile !== null ? [{ file: baselineFile.path, key: "the baseline" }] : []),
  ]);
  const interrupted = onInterrupt();
  const results: JobResult[] = [];
  try {
    for (const [index, job] of jobs.entries()) {
      if (interrupted.by() !== null) {
        break;
      }
      io.log(`${job.name} under ${job.instrument}: ${job.options.command.join(" ")}`);
      const result = await runJob(job, interrupted, io.log);
      results.push(result);
      const told = jobOf(result, directory.path, judgement);
      const failed = told.counts.new > 0 || result.obstacles.length > 0;
      io.onJob(told, {
        index,
        of: jobs.length,
        failed,
        tail: result.tail,
        output: join(job.options.out ?? "", "output"),
      });
    }
  } finally {
    interrupted.off();
  }
  const left = leftOut(interrupted.by(), jobs.length - results.length);
  const { report, baseline } = wholeReport(results, left, {
    id: basename(directory.path),
    folder: directory.path,
    started,
    partial: request.only.length > 0,
    judgement,
  });
  const environments = [io.environment, ...jobs.map(({ environment }) => environment)];
  const secrets = [...new Set(environments.flatMap(secretsOfEnvironment))];
  const unwritten = writeReport(directory, report, { showMemory: request.showMemory, secrets });
  return {
    report,
    runDir: directory.path,
    failOn: request.failOn ?? config.failOn,
    outputs,
    baseline:
      baseline === null || baselineFile === null
        ? null
        : { file: baselineFile.path, report: redactReport(baseline, { showMemory: false, secrets }) },
    secrets,
    unwritten: unwritten ?? results.find((result) => result.unwritten !== null)?.unwritten ?? null,
  };
}

/** All that can be wrong without starting anything is found here. */
async function prepare(request: CiRequest, environment: NodeJS.ProcessEnv) {
  const loaded = await loadConfig(request.config, process.cwd());
  const { config, folder } = loaded;
  const baselineFile = baselineOf(request, loaded);
  const judgement: Judgement = {
    suppressions: config.suppressions,
    baseline: baselineFor(request, baselineFile),
    today: new Date().toISOString().slice(0, 10),
    accept: request.updateBaseline ? (baselineFile?.file ?? null) : null,
  };
  const out =
    named(request.out, process.cwd()) ??
    named(config.out ?? null, folder) ??
    resolve(defaultOut({ verb: "ci" }, new Date()));
  const jobs = jobsOf(loaded, { ...request, out, environment });
  for (const job of jobs) {
    await checkJob(job);
  }
  return { loaded, jobs, judgement, baselineFile, out };
}

function named(path: string | null, folder: string): string | null {
  return path === null ? null : resolve(folder, path);
}

/** The baseline's name as the user knows it, and where it is. */
interface BaselineFile {
  file: string;
  path: string;
}

function baselineOf(request: CiRequest, { config, folder }: LoadedConfig): BaselineFile | null {
  const file = request.baseline ?? config.baseline;
  return file === null ? null : { file, path: resolve(request.baseline === null ? folder : process.cwd(), file) };
}

function baselineFor(request: CiRequest, at: BaselineFile | null): NamedBaseline | null {
  if (!request.updateBaseline) {
    return at === null ? null : readBaseline(at.file, at.path);
  }
  if (at === null) {
    throw new UserError("--update-baseline: no baseline is named", {
      hint: 'name it in the configuration, as in "baseline": "ffi-doctor.baseline.json", or with --baseline',
    });
  }
  if (request.only.length > 0) {
    throw new UserError("--update-baseline and --only exclude each other: a baseline is of all runs", {
      hint: "leave --only out",
    });
  }
  try {
    return readBaseline(at.file, at.path);
  } catch (error) {
    // There is none yet, or what is there is to be replaced.
    if (error instanceof UserError) {
      return null;
    }
    throw error;
  }
}

/** What an interrupt left undone. */
function leftOut(by: NodeJS.Signals | null, count: number): Obstacle[] {
  return by === null || count === 0
    ? []
    : [
        {
          ...interruptedBy(by),
          what: `${count} run${count === 1 ? " was" : "s were"} not begun: interrupted by ${by}`,
        },
      ];
}

function writeReport(directory: RunDirectory, report: Report, redaction: Redaction): UserError | null {
  try {
    directory.writeJson("report.json", redactReport(report, redaction));
    return null;
  } catch (error) {
    if (error instanceof UserError) {
      return error;
    }
    throw error;
  }
}
