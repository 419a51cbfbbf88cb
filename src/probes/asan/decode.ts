import type { CheckerError } from "../../model/checker-error.js";
import type { ProcessInfo } from "../../model/evidence.js";
import type { Options } from "../../model/options.js";
import type { DecodedStep, Recording, StepEnd } from "../../model/recording.js";
import { coverageOf } from "./coverage.js";
import { framesOf } from "./frames.js";
import { type HostFrame, readHostFrames } from "./host-frames.js";
import { linesOf } from "./lines.js";
import { accessOf, CRASHES, isSignal, mistakeOf, signalOf } from "./mistakes.js";
import { lostOf, obstaclesOf } from "./obstacles.js";
import { type ProcessRecord, readProcess } from "./process-record.js";
import { canJudge } from "./races.js";
import type { LogFacts, ReportStack, SanitizerReport } from "./report.js";
import { ReportReader } from "./report-reader.js";

/** What one process left: the companion's record, the runtimes' log, and the host's own frames. */
export interface ProcessLeft {
  pid: number;
  record: ProcessRecord | null;
  log: LogFacts;
  hostFrames: HostFrame[];
  hostRuntime: string | null;
}

/** A run of so many processes is told by these. */
const MOST_PROCESSES = 2000;

/** A sanitizer step's recording, whole or cut anywhere, as evidence. Never throws for what is in it. */
export function decodeAsan(recording: Recording, end: StepEnd, options: Options): DecodedStep {
  const left = readAll(recording);
  const checkerErrors = left.flatMap((process) =>
    process.log.reports.filter((report) => canJudge(report, process.record)).map((report) => errorOf(report, process)),
  );
  const silent = silentDeath(left, end);
  return {
    processes: left.flatMap(({ record }) => (record === null ? [] : [processInfo(record, end)])),
    crashes: [],
    loadFailures: [],
    checkerErrors: silent === null ? checkerErrors : [...checkerErrors, silent],
    coverage: [coverageOf(left, end, options)],
    obstacles: obstaclesOf(left, end),
    lost: lostOf(left, end),
    files: filesOf(left),
  };
}

function readAll(recording: Recording): ProcessLeft[] {
  const names = recording.names();
  const pids = new Set<number>();
  for (const name of names) {
    const match = /^(?:process|asan|lsan|ubsan|tsan|host)\.(\d{1,9})(?:\.[a-z]+)?$/.exec(name);
    if (match !== null && pids.size < MOST_PROCESSES) {
      pids.add(Number(match[1]));
    }
  }
  const there = new Set(names);
  return [...pids]
    .sort((a, b) => a - b)
    .map((pid) => {
      const host = names.find((name) => name.startsWith(`host.${pid}.`)) ?? null;
      const runtime = host?.split(".")[2] ?? null;
      return {
        pid,
        record: there.has(`process.${pid}`) ? readProcess(pid, recording.pieces(`process.${pid}`)) : null,
        log: readLogs(recording, pid, there),
        hostFrames: host === null ? [] : readHostFrames(runtime ?? "", recording.pieces(host)),
        hostRuntime: runtime,
      };
    });
}

function readLogs(recording: Recording, pid: number, there: ReadonlySet<string>): LogFacts {
  const all: LogFacts = { reports: [], failures: [], damaged: 0, omitted: 0, aborting: false };
  for (const tool of ["asan", "lsan", "ubsan", "tsan"].filter((name) => there.has(`${name}.${pid}`))) {
    const reader = new ReportReader();
    for (const line of linesOf(recording.pieces(`${tool}.${pid}`))) {
      reader.take(line);
    }
    const log = reader.end();
    all.reports.push(...log.reports);
    all.failures.push(...log.failures);
    all.damaged += log.damaged;
    all.omitted += log.omitted;
    all.aborting ||= log.aborting;
  }
  return all;
}

function errorOf(report: SanitizerReport, process: ProcessLeft): CheckerError {
  const { record } = process;
  const address = report.access.address;
  const mapped =
    address !== null && record?.loaded.some((one) => one.low <= BigInt(address) && BigInt(address) < one.high);
  const mistake = mistakeOf(report, mapped === true);
  // The report of a runtime that ends the process is its last, and the host's frames were told at its end.
  const fatal = endsThere(report, process);
  return {
    probe: "asan",
    checker: report.checker,
    kind: report.kind,
    text: report.text,
    mistake,
    pid: report.pid ?? process.pid,
    command: record?.command ?? [],
    executable: record?.executable ?? null,
    hostRuntime: "unknown",
    tid: report.thread === "T0" || report.thread === "main" ? process.pid : null,
    threadName: report.thread,
    access: accessOf(report, mistake),
    block: blockOf(report),
    signal: signalOf(report, mistake),
    leak: report.leak,
    stacks: report.stacks.map((stack, i) => ({
      role: stack.role,
      thread: stack.thread === "" ? `${process.pid}` : stack.thread,
      frames: framesOf(stack.frames, stack.left, fatal && i === 0 ? process.hostFrames : [], record),
      truncated: null,
    })),
    seen: report.seen,
    fatal,
  };
}

/** Of a runtime that reports and goes on, only what it says of a signal is the end. */
export function endsThere(report: SanitizerReport, { log, record }: ProcessLeft): boolean {
  const goesOn = report.checker === "UndefinedBehaviorSanitizer" || report.checker === "ThreadSanitizer";
  if (report.leak !== null || (goesOn && !isSignal(report))) {
    return false;
  }
  const last = log.reports.findLast(({ leak }) => leak === null) === report;
  return last && (log.aborting || record?.end == null || record.end.how === "death");
}

function blockOf(report: SanitizerReport): CheckerError["block"] {
  if (report.block === null) {
    return null;
  }
  const by = (role: ReportStack["role"]): string | null => {
    const name = report.stacks.find((stack) => stack.role === role)?.frames[0]?.function ?? null;
    return name === null ? null : name.replace(/\(.*\)$/, "");
  };
  const freed = report.stacks.some(({ role }) => role === "free");
  return { ...report.block, state: freed ? "freed" : "live", allocatedBy: by("alloc"), freedBy: by("free") };
}

/** The process died by a signal that its own handlers, or nobody, took: no sanitizer has a word on it. */
function silentDeath(left: readonly ProcessLeft[], end: StepEnd): CheckerError | null {
  const { signal } = end.outcome;
  const number = signal === null ? undefined : CRASHES[signal];
  const process = left.find(({ pid }) => pid === end.pid);
  if (
    signal === null ||
    number === undefined ||
    end.outcome.timedOut ||
    process?.log.reports.some((r) => endsThere(r, process))
  ) {
    return null;
  }
  const pid = end.pid ?? 0;
  return {
    probe: "asan",
    checker: "the process' end",
    kind: signal,
    text: `the process died of ${signal}, and the sanitizer, which saw no mistake before it, tells no more`,
    mistake: "fatal-signal",
    pid,
    command: process?.record?.command ?? [],
    executable: process?.record?.executable ?? null,
    hostRuntime: "unknown",
    tid: null,
    threadName: null,
    access: null,
    block: null,
    signal: { name: signal, number, code: 0, codeName: "unknown", address: null, forged: false, senderPid: null },
    leak: null,
    stacks: [{ role: "fault", thread: String(pid), frames: [], truncated: "no stack was recorded" }],
    seen: 1,
    fatal: true,
  };
}

function processInfo(record: ProcessRecord, end: StepEnd): ProcessInfo {
  const own = { exitCode: record.end?.how === "exit" ? record.end.status : null, signal: null, timedOut: false };
  return {
    pid: record.pid,
    parent: record.parent,
    command: record.command,
    outcome: record.pid === end.pid ? end.outcome : own,
  };
}

function filesOf(left: readonly ProcessLeft[]): DecodedStep["files"] {
  const files = left.flatMap(({ record }) => [
    ...(record?.executable == null ? [] : [{ path: record.executable, program: true }]),
    ...(record?.loaded ?? []).filter(({ program }) => !program).map(({ path }) => ({ path, program: false })),
  ]);
  return [...new Map(files.map((file) => [file.path, file])).values()];
}
