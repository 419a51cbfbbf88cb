import type { CheckerError } from "../model/checker-error.js";
import type { StepRecord } from "../model/manifest.js";
import { isMended, isSecondPass } from "../model/plan.js";
import type { DecodedStep } from "../model/recording.js";

interface Decoded {
  step: StepRecord;
  decoded: DecodedStep;
}

/** Frames by which an error of one run is known again in another. */
const FRAMES = 12;

/**
 * The steps, with each error told once. A step that its tool did not survive is left out where another was run in its place. Of a second
 * pass, the values that nobody wrote stand for those of the first, which has no origins; all else that both saw is the first's.
 */
export function oncePerError(steps: readonly Decoded[]): Decoded[] {
  const survived = steps.filter((_, i) => !isMendedAt(steps, i + 1));
  const second = survived.find(({ step }) => isSecondPass(step));
  if (second === undefined) {
    return survived;
  }
  const first = survived.filter((entry) => entry !== second);
  const inFirst = new Set(first.flatMap(({ decoded }) => decoded.checkerErrors.map(keyOf)));
  const placed = new Set(second.decoded.checkerErrors.filter(isUnwritten).map(keyOf));
  return [
    ...first.map((entry) => withErrors(entry, (error) => !(isUnwritten(error) && placed.has(keyOf(error))))),
    asMore(withErrors(second, (error) => isUnwritten(error) || !inFirst.has(keyOf(error)))),
  ];
}

function isMendedAt(steps: readonly Decoded[], at: number): boolean {
  const next = steps[at];
  return next !== undefined && isMended(next.step);
}

function withErrors({ step, decoded }: Decoded, keep: (error: CheckerError) => boolean): Decoded {
  return { step, decoded: { ...decoded, checkerErrors: decoded.checkerErrors.filter(keep) } };
}

/** What a second pass could not see is no obstacle: the first has answered the question. */
function asMore({ step, decoded }: Decoded): Decoded {
  const why = step.outcome.timedOut ? "its time limit was over" : (decoded.obstacles?.[0]?.why ?? decoded.lost);
  const spots = why === null ? [] : [{ what: "where each value came from that nobody wrote", why, mend: null }];
  return {
    step: { ...step, obstacles: [], outcome: { ...step.outcome, timedOut: false } },
    decoded: {
      ...decoded,
      processes: [],
      crashes: [],
      loadFailures: [],
      lost: null,
      obstacles: [],
      coverage: decoded.coverage.map((entry) => ({
        ...entry,
        blindSpots: [...entry.blindSpots, ...spots],
        // Counted by the first pass.
        notShown: [],
      })),
    },
  };
}

function isUnwritten(error: CheckerError): boolean {
  return error.mistake === "uninitialized";
}

/** Functions and not addresses: another run lies elsewhere. */
function keyOf(error: CheckerError): string {
  const frames = error.stacks[0]?.frames.slice(0, FRAMES) ?? [];
  return [error.kind, ...frames.map((frame) => `${frame.module ?? ""}!${frame.function ?? ""}`)].join("\n");
}
