import { z } from "zod";
import { CheckerError } from "./checker-error.js";
import { Crash, LoadFailure } from "./crash.js";
import { HostRuntime, Outcome, ProbeName } from "./primitives.js";

export const ProcessInfo = z.strictObject({
  pid: z.number().int(),
  parent: z.number().int().nullable(),
  command: z.array(z.string()),
  outcome: Outcome,
});
export type ProcessInfo = z.infer<typeof ProcessInfo>;

export const LibraryInfo = z.strictObject({
  path: z.string(),
  soname: z.string().nullable(),
  buildId: z.string().nullable(),
  debugInfo: z.boolean(),
});
export type LibraryInfo = z.infer<typeof LibraryInfo>;

/** Facts of a file that a process of the target mapped, noted while the run's machine has it. */
export const FileFacts = z.strictObject({
  ...LibraryInfo.shape,
  /** Which runtime it is when it is a program; null for libraries. */
  runtime: HostRuntime.nullable(),
  /** The runtime whose extension a library is: JNI code, a Node addon, a Python extension module. */
  glue: z.enum(["jni", "napi", "python"]).nullable().default(null),
});
export type FileFacts = z.infer<typeof FileFacts>;

/** What a probe looked for, and what it could not see and why; `mend` is the command or step that would open its eyes. */
export const Coverage = z.strictObject({
  probe: ProbeName,
  lookedFor: z.array(z.string()),
  blindSpots: z.array(z.strictObject({ what: z.string(), why: z.string(), mend: z.string().nullable() })),
  /** What was seen and is not shown, as nothing ties it to a library in question: the runtimes' own noise. */
  notShown: z.array(z.strictObject({ what: z.string(), count: z.number().int().nonnegative() })).default([]),
});
export type Coverage = z.infer<typeof Coverage>;

/** Why the question could not be answered at all; one clear sentence and the way out. */
export const Obstacle = z.strictObject({ what: z.string(), why: z.string(), mend: z.string().nullable() });
export type Obstacle = z.infer<typeof Obstacle>;

/** Normalised observations of all steps of a run: the only input of diagnosis. */
export const Evidence = z.strictObject({
  processes: z.array(ProcessInfo),
  libraries: z.array(LibraryInfo),
  crashes: z.array(Crash),
  loadFailures: z.array(LoadFailure),
  /** In the order in which they happened, those that are in scope. */
  checkerErrors: z.array(CheckerError).default([]),
  coverage: z.array(Coverage),
  obstacles: z.array(Obstacle),
  /** How many times the target was run. */
  runs: z.number().int().nonnegative(),
  outcome: Outcome,
});
export type Evidence = z.infer<typeof Evidence>;
