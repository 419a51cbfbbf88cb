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
  const done: string[] = [];
  for (let next = nextStep(options as Options, plan, 0, fine); next !== null && done.length < limit; ) {
    done.push(next.id);
    next = nextStep(options as Options, plan, done.length, { crashed: done.length >= crashAt, interrupted: false });
  }
  return done;
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
      nextStep({ repeat: 9, untilCrash: true } as Options, plan, 2, { crashed: false, interrupted: true }),
    ).toBeNull();
  });
});
