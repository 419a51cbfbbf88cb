import { describe, expect, it } from "vitest";
import { oncePerError } from "../../../src/evidence/second-pass.js";
import type { CheckerError } from "../../../src/model/checker-error.js";
import type { StepRecord } from "../../../src/model/manifest.js";
import type { DecodedStep } from "../../../src/model/recording.js";
import { checkerError, inLibrary } from "../diagnose/checker-errors.js";

const unwritten = (place: string, origin?: string): CheckerError =>
  checkerError("uninitialized", {
    fault: [inLibrary(place)],
    ...(origin === undefined ? {} : { origin: [inLibrary(origin)] }),
  });
const overflow = (place: string): CheckerError => checkerError("heap-bounds", { fault: [inLibrary(place)] });

function step(id: string, checkerErrors: CheckerError[], more: Partial<DecodedStep> = {}, timedOut = false) {
  const record = { id, probe: "valgrind", obstacles: [], outcome: { exitCode: 0, signal: null, timedOut } };
  const coverage = {
    probe: "valgrind" as const,
    lookedFor: [],
    blindSpots: [],
    notShown: [{ what: "noise", count: 3 }],
  };
  const decoded: DecodedStep = {
    processes: [{ pid: 1, parent: null, command: [], outcome: record.outcome }],
    crashes: [],
    loadFailures: [],
    checkerErrors,
    coverage: [coverage],
    lost: null,
    files: [],
    ...more,
  };
  return { step: record as unknown as StepRecord, decoded };
}

const told = (steps: ReturnType<typeof oncePerError>): string[] =>
  steps.flatMap(({ decoded }) =>
    decoded.checkerErrors.map(({ mistake, stacks }) => `${mistake} ${stacks.map(({ role }) => role).join("+")}`),
  );

describe("a second pass", () => {
  it("stands for the values that nobody wrote, with their origins; all else is told once, by the first", () => {
    const first = step("valgrind-0", [overflow("put"), unwritten("get")]);
    const second = step("valgrind-origins-0", [overflow("put"), unwritten("get", "make")]);
    const both = oncePerError([first, second]);
    expect(told(both)).toEqual(["heap-bounds fault", "uninitialized fault+origin"]);
    expect(both[1]?.decoded).toMatchObject({ processes: [], coverage: [{ notShown: [] }] });
  });

  it("takes nothing away that it did not see, and adds what it alone saw", () => {
    const first = step("valgrind-0", [unwritten("only_once")]);
    const second = step("valgrind-origins-0", [unwritten("get", "make"), overflow("put")]);
    expect(told(oncePerError([first, second]))).toEqual([
      "uninitialized fault",
      "uninitialized fault+origin",
      "heap-bounds fault",
    ]);
  });

  it("that was lost or ran out of time is a blind spot and no obstacle", () => {
    const first = step("valgrind-0", [unwritten("get")]);
    const [, lost] = oncePerError([first, step("valgrind-origins-0", [], { lost: "it is cut" })]);
    expect(lost?.decoded).toMatchObject({ lost: null, coverage: [{ blindSpots: [{ why: "it is cut" }] }] });
    const [, late] = oncePerError([first, step("valgrind-origins-0", [], {}, true)]);
    expect(late?.step.outcome.timedOut).toBe(false);
    expect(late?.decoded.coverage[0]?.blindSpots).toMatchObject([{ why: "its time limit was over" }]);
  });
});

describe("a run that its tool did not survive", () => {
  it("is left out where another was made in its place", () => {
    const steps = [
      step("valgrind-0", [overflow("put")], { lost: "it died" }),
      step("valgrind-mended-0", [overflow("put")]),
    ];
    expect(oncePerError(steps).map((one) => one.step.id)).toEqual(["valgrind-mended-0"]);
  });
});
