import { describe, expect, it } from "vitest";
import type { Options } from "../../../src/model/options.js";
import type { Plan, Step } from "../../../src/model/plan.js";
import { nextStep } from "../../../src/plan/strategy.js";

const step: Step = {
  id: "gdb-0",
  probe: "gdb",
  way: "beside",
  tool: ["gdb"],
  toolEnv: {},
  target: ["x"],
  targetEnv: {},
  attach: null,
  timeout: null,
  interventions: [],
};
const plan: Plan = { steps: [step], explanations: [] };
const fine = { crashed: false, interrupted: false };
const ids = (
  options: Pick<Options, "repeat" | "untilCrash">,
  crashAt = Number.POSITIVE_INFINITY,
  limit = 6,
): string[] => {
  const done: Step[] = [];
  for (let next = nextStep(options as Options, plan, [], fine); next !== null && done.length < limit; ) {
    done.push(next);
    next = nextStep(options as Options, plan, done, { crashed: done.length >= crashAt, interrupted: false });
  }
  return done.map(({ id }) => id);
};

describe("how often the target is run", () => {
  it.each([
    [{ repeat: 1, untilCrash: false }, undefined, 1],
    [{ repeat: 3, untilCrash: false }, undefined, 3],
    [{ repeat: 3, untilCrash: false }, 1, 3],
    [{ repeat: 1, untilCrash: true }, 4, 4],
    [{ repeat: 3, untilCrash: true }, 2, 2],
    [{ repeat: 3, untilCrash: true }, 5, 3],
    [{ repeat: 1, untilCrash: true }, undefined, 6],
  ])("%j with a crash in run %s: %i times", (options, crashAt, times) => {
    expect(ids(options, crashAt)).toEqual(Array.from({ length: times }, (_, i) => `gdb-${i}`));
  });

  it("is no more once somebody interrupts", () => {
    expect(
      nextStep({ repeat: 9, untilCrash: true } as Options, plan, [step, step], { crashed: false, interrupted: true }),
    ).toBeNull();
  });
});

describe("a second pass for the origins of values that nobody wrote", () => {
  const second: Step = { ...step, id: "gdb-origins-0" };
  const both: Plan = { steps: [step, second], explanations: [] };
  const once = { repeat: 1, untilCrash: false } as Options;

  it("is made when such values are left, once, after all runs", () => {
    expect(nextStep(once, both, [step], { ...fine, originless: true })).toBe(second);
    expect(nextStep(once, both, [step, second], { ...fine, originless: true })).toBeNull();
    const twice = { repeat: 2, untilCrash: false } as Options;
    expect(nextStep(twice, both, [step], { ...fine, originless: true })?.id).toBe("gdb-1");
    expect(nextStep(twice, both, [step, { id: "gdb-1" }], { ...fine, originless: true })).toBe(second);
  });

  it("is not made where none is left, none is planned, or somebody interrupts", () => {
    expect(nextStep(once, both, [step], fine)).toBeNull();
    expect(nextStep(once, plan, [step], { ...fine, originless: true })).toBeNull();
    expect(nextStep(once, both, [step], { crashed: false, interrupted: true, originless: true })).toBeNull();
  });
});

describe("a run that its tool did not survive", () => {
  it("is made again with the cause mended, and counts once", () => {
    const mended: Step = { ...step, id: "gdb-mended-0" };
    const once = { repeat: 1, untilCrash: false } as Options;
    expect(nextStep(once, plan, [step], { ...fine, mended })).toBe(mended);
    expect(nextStep(once, plan, [step, mended], fine)).toBeNull();
    expect(nextStep({ ...once, repeat: 2 }, plan, [step, mended], fine)?.id).toBe("gdb-1");
  });
});
