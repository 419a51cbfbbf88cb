import type { CheckerError } from "../../model/checker-error.js";
import type { Crash } from "../../model/crash.js";
import type { Obstacle } from "../../model/evidence.js";
import type { Options } from "../../model/options.js";
import type { DecodedStep, Recording, StepEnd } from "../../model/recording.js";
import type { Box } from "../blackbox/records.js";
import { Boxes } from "./boxes.js";
import { Clock } from "./clock.js";
import { heapCoverage, signalsCoverage } from "./coverage.js";
import { crashOf } from "./crash.js";
import { mismatchedFrees } from "./frees.js";
import { heapError, leakError } from "./heap-errors.js";
import { closedPage } from "./pointed.js";
import { type Program, processesOf, programsOf } from "./programs.js";
import { type Told, toldBy } from "./stacks.js";
import { Symbols } from "./symbols.js";

/** Of one process; what is more is told by these, as nobody reads thousands. */
const MOST_ERRORS = 5000;

/** The dynamic linker's own status where a library is missing (ld.so(8)). */
const NOT_STARTED = 127;

/** The black boxes of a step, whole or damaged anywhere, as evidence. Never throws for what is in them. */
export function decodeRecorder(recording: Recording, end: StepEnd, options: Options): DecodedStep {
  const told = toldBy(new Boxes(recording), Symbols.of(recording));
  const clock = new Clock(told.boxes);
  const programs = programsOf(told, end);
  const crashes = programs.flatMap((program) => crashOf(told, clock, program) ?? []);
  const obstacles = notLoaded(told, end);
  return {
    processes: processesOf(told, programs, end),
    crashes,
    loadFailures: [],
    checkerErrors: programs.flatMap((program) => errorsOf(told, clock, program, crashes)),
    coverage: [...heapCoverage(told, programs, end, options), signalsCoverage(told, programs, end)],
    lost: obstacles.length > 0 ? null : lostPart(told),
    obstacles,
    files: filesOf(told),
  };
}

/** In the order in which they were found; what a fault shows comes last, as the process ended there. */
function errorsOf(told: Told, clock: Clock, { box }: Program, crashes: readonly Crash[]): CheckerError[] {
  const crash = crashes.find(({ pid, pick }) => pid === box.header.pid && box.signals.some(({ id }) => id === pick));
  return [
    ...box.heapErrors.slice(0, MOST_ERRORS).flatMap((record) => heapError(told, clock, box, record) ?? []),
    ...mismatchedFrees(told, box),
    ...(crash === undefined ? [] : [closedPage(crash)].filter((error) => error !== null)),
    ...box.leaks.slice(0, MOST_ERRORS).map((record) => leakError(told, box, record)),
  ];
}

/** A process without a box was not watched: that nothing was found in it means nothing. */
function notLoaded({ boxes }: Told, end: StepEnd): Obstacle[] {
  const there = boxes.all.some(({ header }) => header.pid === end.pid);
  const damaged = boxes.unreadable.some((name) => name.startsWith(`box.${end.pid}.`));
  if (there || damaged || end.pid === null) {
    return becameAnother(boxes.all, end);
  }
  const what = "the recorder was not loaded into the target";
  return [
    end.outcome.exitCode === NOT_STARTED
      ? {
          what,
          why: `the process ended with status ${NOT_STARTED} before it began: the dynamic linker did not find what it needs`,
          mend: "see what it says on standard error; ffi-doctor gdb-capture names the missing library",
        }
      : {
          what,
          why: "the process left no black box: the dynamic linker did not take the library, or there was no room for the file",
          mend: "see what the dynamic linker says on standard error; ffi-doctor gdb-capture needs nothing inside the target",
        },
  ];
}

/**
 * The last program that a process was recorded as did not say that it ended, and the process ended by a status: it became another program
 * that the recorder is not in (execve(2)). Where a library in question was seen, it is more likely that it left by a system call of its own.
 */
function becameAnother(boxes: readonly Box[], end: StepEnd): Obstacle[] {
  const own = boxes.filter(({ header }) => header.pid === end.pid);
  const last = own.toSorted((a, b) => b.header.image - a.header.image)[0];
  if (
    last === undefined ||
    last.exits.length > 0 ||
    end.outcome.exitCode === null ||
    own.some(({ modules }) => modules.some(({ inQuestion }) => inQuestion))
  ) {
    return [];
  }
  return [
    {
      what: "the program that the command became was not recorded",
      why: "the recorder was in the one before it, and the dynamic linker did not take it into this one (it is statically linked or set-user-id), or there was no room for its file",
      mend: "ffi-doctor gdb-capture needs nothing inside the target",
    },
  ];
}

function lostPart({ boxes }: Told): string | null {
  const dropped = boxes.all.some(({ header }) => header.dropped > 0n);
  const damaged = boxes.all.reduce((count, box) => count + box.damaged, 0);
  if (boxes.unreadable.length > 0) {
    return `${boxes.unreadable.length} black boxes cannot be read`;
  }
  return damaged > 0
    ? `${damaged} parts of the recording are damaged`
    : dropped
      ? "part of the recording could not be written (disk full?)"
      : null;
}

function filesOf({ boxes }: Told): DecodedStep["files"] {
  const files = boxes.all.flatMap((box) => {
    const { executable } = boxes.programOf(box);
    return [
      ...(executable === null ? [] : [{ path: executable, program: true }]),
      ...box.modules
        .filter(({ path, program, recorder }) => path.startsWith("/") && !program && !recorder)
        .map(({ path }) => ({ path, program: false })),
    ];
  });
  return [...new Map(files.map((file) => [file.path, file])).values()];
}
