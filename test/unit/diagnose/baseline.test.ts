import { describe, expect, it } from "vitest";
import { baselineOf, compareWithBaseline } from "../../../src/diagnose/baseline.js";
import { Baseline, Report } from "../../../src/model/report.js";
import { finding, report } from "../render/reports.js";

const named = (fingerprint: string, alsoKnownAs?: string[]) =>
  finding({ fingerprint, title: `t-${fingerprint}`, ...(alsoKnownAs === undefined ? {} : { alsoKnownAs }) });
const baselineWith = (...findings: ReturnType<typeof finding>[]) => Baseline.parse(report({ findings }));
const WHOLE = { file: "b.json", whole: true };

function compared(now: ReturnType<typeof finding>[], before: ReturnType<typeof finding>[], options = WHOLE) {
  const result = compareWithBaseline(report({ findings: now }), baselineWith(...before), options);
  return {
    findings: result.findings.map(({ fingerprint, known }) => [fingerprint, known === true ? "known" : "new"]),
    gone: result.baseline?.gone.map(({ fingerprint }) => fingerprint),
    notices: result.notices ?? [],
  };
}

describe("against a baseline", () => {
  it("what was there is known and comes last, what is gone is listed", () => {
    expect(compared([named("a"), named("b")], [named("a"), named("c")])).toEqual({
      findings: [
        ["b", "new"],
        ["a", "known"],
      ],
      gone: ["c"],
      notices: [],
    });
  });

  it("a finding goes by each of its witnesses too", () => {
    expect(compared([named("a", ["w"])], [named("w")])).toMatchObject({ findings: [["a", "known"]], gone: [] });
    expect(compared([named("w")], [named("a", ["w"])])).toMatchObject({ findings: [["w", "known"]], gone: [] });
  });

  it("nothing is called gone where not everything was looked at, and that is said", () => {
    const { gone, notices } = compared([], [named("a")], { file: "b.json", whole: false });
    expect(gone).toEqual([]);
    expect(notices).toEqual([
      expect.stringContaining("1 finding of the baseline did not show, and may still be there"),
    ]);
  });

  it("nothing is called gone that another instrument saw", () => {
    const before = [
      finding({ fingerprint: "a", probes: ["valgrind"] }),
      finding({ fingerprint: "b", probes: ["gdb"] }),
    ];
    const { gone, notices } = compared([], before);
    expect(gone).toEqual(["b"]);
    expect(notices).toEqual([expect.stringContaining("the instruments that saw them did not look")]);
  });

  it("an empty one makes everything new, and nothing changes without findings", () => {
    expect(compared([named("a")], [])).toEqual({ findings: [["a", "new"]], gone: [], notices: [] });
    expect(compared([], [])).toEqual({ findings: [], gone: [], notices: [] });
  });
});

describe("a new baseline", () => {
  const made = baselineOf(report({ findings: [named("b"), { ...named("a"), known: true }] }));

  it("is a report, and everything in it is known to itself", () => {
    const text: unknown = JSON.parse(JSON.stringify(made));
    expect(Report.parse(text).findings.map(({ fingerprint }) => fingerprint)).toEqual(["a", "b"]);
    expect(compared([named("a"), named("b")], made.findings)).toMatchObject({
      findings: [
        ["a", "known"],
        ["b", "known"],
      ],
      gone: [],
    });
  });

  it("holds nothing that changes from run to run, nor what the memory held", () => {
    const text = JSON.stringify(made.findings);
    for (const word of ['stacks":[{', "capture", "known", "timeline", "0x7f"]) {
      expect(text).not.toContain(word);
    }
  });
});
