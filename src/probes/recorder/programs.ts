import type { ProcessInfo } from "../../model/evidence.js";
import type { Outcome } from "../../model/primitives.js";
import type { StepEnd } from "../../model/recording.js";
import type { Box } from "../blackbox/records.js";
import { NAMES, signalsOf } from "./signals.js";
import type { Told } from "./stacks.js";
import { type Came, type Ended, type Verdict, verdictOf } from "./verdict.js";

/** One program image of one process, its signals, and what they came to. */
export interface Program {
  box: Box;
  came: Came[];
  ended: Ended;
  verdict: Verdict;
  /** Another program took its place in the same process. */
  replaced: boolean;
}

/** Modules that hold a Go runtime, by a function that each has. */
const GO_RUNTIME = /^runtime\.(main|goexit|rt0_go)/;

export function programsOf(told: Told, end: StepEnd): Program[] {
  return told.boxes.pids().flatMap((pid) => {
    const images = told.boxes.imagesOf(pid);
    return images.map((box, i) => programOf(told, box, end, i < images.length - 1));
  });
}

function programOf(told: Told, box: Box, end: StepEnd, replaced: boolean): Program {
  const go = goModules(told, box, end);
  const came = signalsOf(told, box, go);
  const root = box.header.pid === end.pid && !replaced;
  const exit = box.exits.at(-1) ?? null;
  const ended: Ended = {
    pid: box.header.pid,
    signal: root ? end.outcome.signal : null,
    exitCode: root ? end.outcome.exitCode : exit === null ? null : exit.status & 0xff,
    exit,
    goExit: exit === null ? null : callerOf(told, box, exit.caller, exit.order),
    go: go.size > 0,
  };
  // One that was replaced, or ended by the time limit, died of nothing.
  const alive = replaced || (root && end.outcome.timedOut);
  const verdict = verdictOf(came, alive ? { ...ended, signal: null, exitCode: 0 } : ended);
  return { box, came, ended, verdict, replaced };
}

/** The files that Go's runtime is in: the program of a Go host, and libraries that were made by -buildmode=c-shared. */
function goModules({ symbols }: Told, { modules }: Box, end: StepEnd): ReadonlySet<string> {
  const named = (symbols.file?.modules ?? []).filter(({ places }) =>
    Object.values(places).some((names) => names.some(({ function: name }) => GO_RUNTIME.test(name ?? ""))),
  );
  const program = end.runtime === "go" ? modules.filter((module) => module.program).map(({ path }) => path) : [];
  return new Set([...named.map(({ path }) => path), ...program]);
}

function callerOf({ boxes, symbols }: Told, box: Box, caller: bigint, order: number): string | null {
  const module = caller === 0n ? null : boxes.moduleAt(box, caller - 1n, order);
  return module === null ? null : (symbols.at(module.path, caller - 1n - module.base).at(-1)?.function ?? null);
}

/** One entry a process: what it was last, and how it ended as far as that was seen. */
export function processesOf(told: Told, programs: readonly Program[], end: StepEnd): ProcessInfo[] {
  return programs
    .filter(({ replaced }) => !replaced)
    .map((program) => ({
      pid: program.box.header.pid,
      parent: program.box.header.parentPid === 0 ? null : program.box.header.parentPid,
      command: told.boxes.programOf(program.box).command,
      outcome: program.box.header.pid === end.pid ? end.outcome : outcomeOf(program),
    }));
}

function outcomeOf({ ended, came, verdict }: Program): Outcome {
  const last = came.find(({ record }) => record.id === verdict.terminal)?.record;
  const signal = last?.state === "terminal" ? (NAMES[last.number] ?? null) : null;
  return { exitCode: signal === null ? ended.exitCode : null, signal, timedOut: false };
}
