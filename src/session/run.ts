import { join } from "node:path";
import { pino } from "pino";
import { runStep } from "../launch/run-step.js";
import { UserError } from "../model/errors.js";
import type { Evidence } from "../model/evidence.js";
import type { RunManifest } from "../model/manifest.js";
import type { Options } from "../model/options.js";
import type { Plan, Step } from "../model/plan.js";
import type { Intervention } from "../model/primitives.js";
import type { DecodedStep } from "../model/recording.js";
import type { Report } from "../model/report.js";
import type { Target } from "../model/target.js";
import { nextStep, type Shown } from "../plan/strategy.js";
import { RunDirectory } from "../rundir/run-directory.js";
import { hostVersion } from "../survey/host-version.js";
import { surveyTarget } from "../survey/target.js";
import type { NamedBaseline } from "./baseline-file.js";
import { keepHostReports } from "./host-reports.js";
import { instrumentOf } from "./instruments/index.js";
import type { Instrument, Prepared } from "./instruments/instrument.js";
import { removePerfMaps } from "./perf-maps.js";
import { places, toolVersion } from "./places.js";

export interface RunIo {
  /**
   * `own`: the target keeps its descriptors. `stderr`: its standard output goes to standard error, as standard output is for the report.
   * `captured`: both go to a file in the run directory, and its input is empty.
   */
  targetOutput: "own" | "stderr" | "captured";
  environment: NodeJS.ProcessEnv;
  /** Ends the target and all its descendants when it is aborted. */
  stop?: AbortSignal;
  /** One line on what is going on, for `-v`. */
  log(line: string): void;
}

export interface Ran {
  report: Report;
  evidence: Evidence;
  runDir: string;
  /** Why the report could not be written down; it is shown all the same. */
  unwritten: UserError | null;
}

/** What `--dry-run` shows: nothing is started. Throws UserError for a command that the kernel could not start. */
export async function planSession(
  asked: Options,
  environment: NodeJS.ProcessEnv,
): Promise<{ plan: Plan; target: Target | null }> {
  const options = withDemo(asked);
  const target = targetOf(options, environment);
  const prepare = await instrumentOf(options.verb);
  const prepared = await prepare({ options, target, environment, directory: null, log: () => {} });
  return { plan: prepared.plan, target: prepared.target ?? target };
}

/**
 * One run of an observing verb: surveys, runs the target as often as asked, and leaves the run directory with report.json in it, also
 * when the question could not be answered. Throws UserError for what the user can mend before anything was started.
 */
export async function runSession(asked: Options, io: RunIo): Promise<Ran> {
  const options = withDemo(asked);
  const baseline = options.baseline === null ? null : await loadBaseline(options.baseline);
  const target = targetOf(options, io.environment);
  const prepare: Instrument = await instrumentOf(options.verb);
  const started = new Date();
  const directory = RunDirectory.create(options.out ?? defaultOut(options, started));
  const run: Run = { options, target, directory, started, io, log: doctorLog(directory) };
  const { environment } = io;
  const prepared = await prepare({ options, target, environment, directory, log: io.log });
  const { plan, obstacles } = prepared;
  run.target = prepared.target ?? target;
  const manifest = newManifest(run, io.targetOutput === "captured" ? withCapture(plan) : plan);
  directory.writeManifest(manifest);
  if (obstacles.length === 0) {
    const version = run.target === null ? null : hostVersion(run.target, environment).catch(() => null);
    await runSteps(run, manifest, prepared);
    if (manifest.target !== null) {
      manifest.target.host.version = await version;
    }
  }
  manifest.complete = true;
  const { conclude } = await import("./conclude.js");
  return { ...conclude(directory, manifest, obstacles, baseline, environment), runDir: directory.path };
}

async function loadBaseline(file: string): Promise<NamedBaseline> {
  return (await import("./baseline-file.js")).readBaseline(file);
}

/** Null for a process that runs already, for a file, and for what is to be built first. */
function targetOf(options: Options, environment: NodeJS.ProcessEnv): Target | null {
  return options.attach === null && options.core === null && options.build === null
    ? surveyTarget(options.command, environment["PATH"] ?? "")
    : null;
}

interface Run {
  options: Options;
  target: Target | null;
  directory: RunDirectory;
  started: Date;
  io: RunIo;
  log: (line: string) => void;
}

async function runSteps(run: Run, manifest: RunManifest, prepared: Prepared): Promise<void> {
  const { options, directory, io, target } = run;
  let interrupted = false;
  const onInterrupt = (): void => {
    interrupted = true;
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  try {
    const shown: Shown = { crashed: false, interrupted: false };
    for (;;) {
      const step = nextStep(options, manifest.plan, manifest.steps, { ...shown, interrupted });
      if (step === null) {
        return;
      }
      const running = runStep(step, directory, {
        hold: places.hold,
        file: target?.file ?? null,
        environment: io.environment,
        stdoutToStderr: io.targetOutput === "stderr",
        stop: io.stop ?? null,
        captureTo: io.targetOutput === "captured" ? directory.outputPath(step.id) : null,
        log: (line) => {
          run.log(line);
          io.log(line);
        },
      });
      // What reads the recording is loaded while the target runs, not before it starts.
      const { mappedFiles } = await import("./mapped-files.js");
      const { decodeStep } = await import("../evidence/decode-step.js");
      await import("./conclude.js");
      const record = await running;
      manifest.steps.push(record);
      manifest.durationMs = Date.now() - run.started.getTime();
      await prepared.settle?.(record);
      const decoded = decodeStep(directory, record, manifest);
      keepHostReports(directory, record, decoded, options.core?.file ?? null);
      removePerfMaps(
        step,
        decoded.processes.map(({ pid }) => pid),
        record.leftRunning,
      );
      tolerant(() => {
        directory.writeJson(`raw/${step.id}/files.json`, mappedFiles(decoded));
        directory.writeManifest(manifest);
      });
      shown.crashed = decoded.crashes.some(({ terminal }) => terminal !== null);
      shown.originless = shown.originless === true || (!record.outcome.timedOut && hasOriginless(decoded));
      shown.mended = (await prepared.mend?.(step, decoded)) ?? null;
      if (shown.mended !== null) {
        manifest.plan = inPlaceOf(manifest.plan, shown.mended);
      }
      run.log(`step ${step.id} ended: ${JSON.stringify(record.outcome)}`);
      if (record.obstacles.length > 0) {
        return;
      }
    }
  } finally {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
  }
}

/** Values that nobody wrote, of which it was not recorded where they came from. */
function hasOriginless(decoded: DecodedStep): boolean {
  return decoded.checkerErrors.some(
    ({ mistake, stacks }) => mistake === "uninitialized" && !stacks.some(({ role }) => role === "origin"),
  );
}

/** What was mended for one step holds for those after it. */
function inPlaceOf(plan: Plan, { target, targetEnv, interventions }: Step): Plan {
  return { ...plan, steps: plan.steps.map((step) => ({ ...step, target, targetEnv, interventions })) };
}

/** A full disk does not take the report from the user: what could not be written is told at the end, by `conclude`. */
function tolerant(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof UserError)) {
      throw error;
    }
  }
}

/** `--demo`: the storage shim's own workload, a program like any other. */
function withDemo(options: Options): Options {
  return options.demo === null ? options : { ...options, command: [process.execPath, places.demo, options.demo] };
}

/** `.ffi-doctor/<timestamp>-<verb>-<pid>`. */
export function defaultOut({ verb }: Pick<Options, "verb">, started: Date): string {
  const stamp = started.toISOString().replace(/[-:]/g, "").replace("T", "-").replace(/\..*/, "");
  return join(".ffi-doctor", `${stamp}-${verb}-${process.pid}`);
}

/** The plan, with what capturing the output changes for the target. */
function withCapture(plan: Plan): Plan {
  const intervention: Intervention = {
    kind: "action",
    what: "standard output and standard error go to a file of the run directory, and standard input is empty",
    why: "several commands run one after the other; a program that asks whether it writes to a terminal hears that it does not",
  };
  return {
    ...plan,
    steps: plan.steps.map((step) => ({ ...step, interventions: [...step.interventions, intervention] })),
  };
}

function newManifest(run: Run, plan: Plan): RunManifest {
  return {
    version: 1,
    toolVersion: toolVersion(),
    id: run.directory.path.split("/").at(-1) ?? "run",
    startedAt: run.started.toISOString(),
    durationMs: 0,
    options: run.options,
    target: run.target,
    plan,
    steps: [],
    complete: false,
  };
}

/** The doctor's own log, `doctor.log` of the run directory, one JSON object a line. */
function doctorLog(directory: RunDirectory): (line: string) => void {
  const file = pino.destination({ dest: join(directory.path, "doctor.log"), sync: true, mode: 0o600 });
  // A full disk: what matters is told in the report.
  file.on("error", () => {});
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, file);
  return (line) => log.info(line);
}
