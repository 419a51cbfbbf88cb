import type { CheckerError } from "./checker-error.js";
import type { Crash, LoadFailure } from "./crash.js";
import type { Coverage, Obstacle, ProcessInfo } from "./evidence.js";
import type { StepRecord } from "./manifest.js";
import type { Options } from "./options.js";
import type { HostRuntime } from "./primitives.js";

/** What a step left in `raw/<step>/`, for the decoder of its probe. */
export interface Recording {
  /** File names, sorted. */
  names(): string[];
  /** A whole file; null when there is none. For files whose size is bounded. */
  text(name: string): string | null;
  /** A file of any size, piece by piece; nothing when there is none. Decoding is UTF-8, damage becomes U+FFFD. */
  pieces(name: string): Iterable<string>;
  /** The first `limit` bytes of a file; null when there is none. */
  bytes(name: string, limit: number): Buffer | null;
}

/** What a step's end told, beside its recording. */
export type StepEnd = Pick<StepRecord, "pid" | "outcome" | "tool" | "leftRunning" | "stopped"> & {
  /** True where the process was running before the step. */
  attached: boolean;
  /** What the command was found to be before it was started. */
  runtime?: HostRuntime;
};

export interface DecodedStep {
  processes: ProcessInfo[];
  crashes: Crash[];
  loadFailures: LoadFailure[];
  checkerErrors: CheckerError[];
  /** One entry for each probe of the step. */
  coverage: Coverage[];
  /** Why silence means nothing here; null for a recording that is whole. */
  lost: string | null;
  /** Why the question could not be answered, where the probe knows it better than `lost` can say it. */
  obstacles?: Obstacle[];
  /** Files of the target that the tool died of. */
  unreadable?: string[];
  /**
   * Files that the processes mapped, and which of them they executed. `foreign`: what lies at that path here is not it; the build id that
   * it had, or nothing.
   */
  files: { path: string; program: boolean; foreign?: string }[];
}

/** A recording, whole or cut anywhere, as evidence. Never throws for what is in it. */
export type Decoder = (recording: Recording, end: StepEnd, options: Options) => DecodedStep;
