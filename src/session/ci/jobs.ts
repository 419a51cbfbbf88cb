import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ConfigRun } from "../../model/config.js";
import { UserError } from "../../model/errors.js";
import { Options } from "../../model/options.js";
import type { InstrumentName } from "../../model/vocabulary.js";
import { surveyTarget } from "../../survey/target.js";
import { instrumentOf } from "../instruments/index.js";
import { nearest } from "../nearest.js";
import { planSession } from "../run.js";
import type { LoadedConfig } from "./config-file.js";

/** One command under one instrument. */
export interface CiJob {
  name: string;
  instrument: InstrumentName;
  /** Its place in the configuration, for messages: `runs[0]`. */
  key: string;
  instrumentKey: string;
  /** As `runSession` takes them; `out` lies below the folder of the whole. */
  options: Options;
  cwd: string;
  environment: NodeJS.ProcessEnv;
  expectStatus: number;
}

export interface JobRequest {
  /** Names of runs; empty for all. */
  only: readonly string[];
  out: string;
  timeout: number | null;
  showMemory: boolean;
  environment: NodeJS.ProcessEnv;
}

/** What a configuration asks for, job by job. Throws UserError for an unknown name in `only`. */
export function jobsOf({ config, folder, file }: LoadedConfig, request: JobRequest): CiJob[] {
  const names = config.runs.map(({ name }) => name);
  for (const name of request.only) {
    if (!names.includes(name)) {
      const near = nearest(name, names);
      throw new UserError(`${file} has no run ${name}`, {
        hint: `${near === null ? "" : `did you mean ${near}? `}its runs are ${names.join(", ")}`,
      });
    }
  }
  return config.runs.flatMap((run, i) =>
    request.only.length > 0 && !request.only.includes(run.name)
      ? []
      : run.instruments.map((instrument) => ({
          name: run.name,
          instrument,
          key: `runs[${i}]`,
          instrumentKey: `runs[${i}].instruments[${run.instruments.indexOf(instrument)}]`,
          options: optionsOf(run, instrument, config, request),
          cwd: resolve(folder, run.cwd ?? "."),
          environment: environmentOf(run, request.environment),
          expectStatus: run.expectStatus,
        })),
  );
}

function optionsOf(
  run: ConfigRun,
  instrument: InstrumentName,
  config: LoadedConfig["config"],
  request: JobRequest,
): Options {
  return Options.parse({
    verb: instrument,
    command: run.command,
    demo: null,
    attach: null,
    libs: run.lib ?? config.lib,
    with: run.with,
    sanitizer: run.sanitizer,
    out: join(request.out, run.name, instrument),
    formats: [],
    failOn: config.failOn,
    timeout: request.timeout ?? (run.timeout === undefined ? config.timeout : run.timeout),
    repeat: 1,
    untilCrash: false,
    exitCode: "doctor",
    dryRun: false,
    color: false,
    quiet: true,
    verbose: false,
    showMemory: request.showMemory,
  });
}

function environmentOf(run: ConfigRun, inherited: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const environment = { ...inherited };
  for (const [name, value] of Object.entries(run.env)) {
    if (value === null) {
      delete environment[name];
    } else {
      environment[name] = value;
    }
  }
  return environment;
}

/** Looks at what can be wrong with a job before any of them is started. Throws UserError with the key. */
export async function checkJob(job: CiJob): Promise<void> {
  if (statSync(job.cwd, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new UserError(`${job.key}.cwd: there is no folder ${job.cwd}`, {
      hint: "it is seen from the folder of the configuration",
    });
  }
  await underKey(job.instrumentKey, () => instrumentOf(job.instrument));
  await underKey(`${job.key}.command`, () =>
    inFolder(job.cwd, async () => surveyTarget(job.options.command, job.environment["PATH"] ?? "")),
  );
  if (job.options.with.length > 0) {
    await underKey(`${job.key}.with`, () => inFolder(job.cwd, () => planned(job)));
  }
}

/** What is only missing here is told as the run's own obstacle, in a report. */
async function planned(job: CiJob): Promise<void> {
  try {
    await planSession(job.options, job.environment);
  } catch (error) {
    if (!(error instanceof UserError) || error.exitCode === 2) {
      throw error;
    }
  }
}

async function underKey(key: string, look: () => Promise<unknown>): Promise<void> {
  try {
    await look();
  } catch (error) {
    if (error instanceof UserError) {
      throw new UserError(`${key}: ${error.message}`, { exitCode: error.exitCode, hint: error.hint, cause: error });
    }
    throw error;
  }
}

/**
 * Does something in another working directory. The process itself goes there, as a command is looked up, started and watched in many
 * places, all of which see relative paths as the command does; one job runs at a time.
 */
export async function inFolder<T>(folder: string, act: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await act();
  } finally {
    process.chdir(before);
  }
}
