import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Report } from "../../../src/model/report.js";
import { renderSarif } from "../../../src/render/sarif/sarif.js";
import { finding, frame, hostile, report } from "./reports.js";
import { sarifProblems } from "./schemas.js";

const options = { showMemory: false, sourceRoot: "/app" };

interface Result {
  ruleId: string;
  ruleIndex: number;
  level: string;
  locations: { physicalLocation?: { artifactLocation: { uri: string; uriBaseId?: string }; region?: unknown } }[];
  relatedLocations?: { id: number; message: { text: string } }[];
  codeFlows?: { threadFlows: { locations: { location: { message: { text: string } } }[] }[] }[];
  partialFingerprints: Record<string, string>;
}

function rendered(given: Report): { results: Result[]; run: Record<string, unknown> } {
  const log = JSON.parse(renderSarif(given, options)) as { runs: [{ results: Result[] } & Record<string, unknown>] };
  expect(sarifProblems(log)).toEqual([]);
  return { results: log.runs[0].results, run: log.runs[0] };
}

const life = finding({
  code: "heap-use-after-free",
  stacks: [
    { role: "fault", thread: "1", truncated: null, frames: [frame(0, { function: "use" })] },
    { role: "free", thread: "1", truncated: null, frames: [frame(1, { function: "give_back" })] },
    { role: "alloc", thread: "2", truncated: null, frames: [frame(2, { function: "make" })] },
  ],
});

describe("SARIF", () => {
  it("refuses what is no SARIF, or this test could not fail", () => {
    expect(sarifProblems({ version: "2.1.0", runs: [{ results: [{}] }] })).not.toEqual([]);
  });

  it("is valid for a finding, for none, for one without a stack, and for a run that could not answer", () => {
    rendered(report());
    rendered(report({ findings: [finding({ stacks: [] })] }));
    const { run, results } = rendered(report({ findings: [] }));
    expect(results).toEqual([]);
    expect(run["invocations"]).toMatchObject([{ executionSuccessful: true }]);
    const obstacles = [{ what: "gdb cannot be used", why: "it is not installed", mend: "apt-get install -y gdb" }];
    const inconclusive = rendered(report({ findings: [], verdict: "inconclusive", obstacles }));
    expect(inconclusive.run["invocations"]).toMatchObject([
      { executionSuccessful: false, toolExecutionNotifications: [{ level: "error" }, { level: "note" }] },
    ]);
  });

  it("names the rule, the level, the place in the repository and the fingerprint", () => {
    const [result] = rendered(report({ findings: [finding({ fingerprint: "abc" }), life] })).results;
    expect(result).toMatchObject({
      ruleId: "null-dereference",
      ruleIndex: 0,
      level: "error",
      partialFingerprints: { "ffiDoctor/v1": "abc" },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: "src/warehouse.c", uriBaseId: "%SRCROOT%" },
            region: { startLine: 40 },
          },
        },
      ],
    });
    expect(result?.relatedLocations?.map(({ message }) => message.text)).toEqual([
      "the call that crossed the boundary: wh_count",
    ]);
  });

  it("tells a block's life in order: allocated, freed, used", () => {
    const [result] = rendered(report({ findings: [life] })).results;
    expect(result?.codeFlows?.[0]?.threadFlows[0]?.locations.map(({ location }) => location.message.text)).toEqual([
      "allocated here, by make",
      "freed here, by give_back",
      "used here, by use",
    ]);
  });

  it("shows a finding in somebody's own code, not in the standard library's or in glue", () => {
    const std = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src/alloc.rs";
    const frames = [
      frame(0, { function: "alloc::dealloc", file: std }),
      frame(1, { function: "main._Cfunc_release", side: "script", file: "././_cgo_gotypes.go" }),
      frame(2, { function: "release", file: "./src/./hot.rs" }),
    ];
    const shown = (all: typeof frames): unknown =>
      rendered(
        report({ findings: [finding({ stacks: [{ role: "fault", thread: "1", truncated: null, frames: all }] })] }),
      ).results[0]?.locations[0]?.physicalLocation?.artifactLocation;
    expect(shown(frames)).toEqual({ uri: "src/hot.rs", uriBaseId: "%SRCROOT%" });
    expect(shown(frames.slice(0, 1))).toEqual({ uri: `file://${std}` });
    expect(shown([frame(0, { side: "system", file: null, module: "[vdso]" })])).toEqual({
      uri: "docs/findings/null-dereference.md",
    });
  });

  it("tells what is suppressed and what is to be noted, and leaves out a time that is none", () => {
    const suppressed = [
      { fingerprint: "f", code: "abort", title: "It gave up", reason: "known", expires: "2030-01-01" },
    ];
    const { run } = rendered(
      report({ findings: [], suppressed, notices: ["a suppression matches nothing"] }, { startedAt: "yesterday" }),
    );
    expect(JSON.stringify(run["invocations"])).toContain("suppressed: abort: It gave up: known (until 2030-01-01)");
    expect(JSON.stringify(run["invocations"])).toContain("a suppression matches nothing");
  });

  it("stays valid whatever a target calls itself", () => {
    rendered(hostile("\u001b]0;x\u0007\ud800<script>&\"'`|{{ $(x) ../../../etc file://x \u2028"));
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 30 }), (text) => {
        rendered(hostile(text));
      }),
      { numRuns: 60 },
    );
  });
});
