import type { CheckerError } from "../model/checker-error.js";
import type { Coverage, ProcessInfo } from "../model/evidence.js";

type BlindSpot = Coverage["blindSpots"][number];

/** A Go runtime ends the process so after a fatal error, its fault caught (runtime package, GOTRACEBACK). */
const GO_FATAL = 2;

/** Processes that died and did not end: what they still held then is no leak. */
export function diedProcesses(processes: readonly ProcessInfo[], errors: readonly CheckerError[]): ReadonlySet<number> {
  const died = errors.filter(({ fatal }) => fatal).map(({ pid }) => pid);
  const go = new Set(errors.filter(({ hostRuntime }) => hostRuntime === "go").map(({ pid }) => pid));
  const ended = processes.filter(
    ({ pid, outcome }) => outcome.signal !== null || (outcome.exitCode === GO_FATAL && go.has(pid)),
  );
  return new Set([...died, ...ended.map(({ pid }) => pid)]);
}

/**
 * A program that failed, and no error that has to do with it: it is not for us to call that clean without a word. Of the commands
 * themselves only: that a child of theirs fails is an everyday thing, as in a shell's test.
 */
export function unexplainedEnds(
  probe: Coverage["probe"],
  started: readonly ProcessInfo[],
  shown: readonly CheckerError[],
): BlindSpot[] {
  const explained = new Set(shown.filter(({ mistake }) => mistake !== "leak").map(({ pid }) => pid));
  const failed = started.filter(
    ({ pid, outcome }) =>
      !explained.has(pid) && !outcome.timedOut && ((outcome.exitCode ?? 0) !== 0 || outcome.signal !== null),
  );
  return failed.map(({ pid, outcome }) => ({
    what: `why process ${pid} ${outcome.signal === null ? `ended with status ${outcome.exitCode}` : `died of ${outcome.signal}`}`,
    why: `${probe} saw no error before it in which a library in question has a part`,
    mend: "ffi-doctor gdb-capture -- <command>; or --scope all, which shows the runtime's own errors too",
  }));
}
