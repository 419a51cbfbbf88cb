import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Report } from "../../../src/model/report.js";
import { renderSarif } from "../../../src/render/sarif/sarif.js";
import { finding, frame, hostile, report } from "./reports.js";

// The schema as schemastore has it, which is OASIS' own.
const schemaFile = createRequire(import.meta.url).resolve("schemastore/schemas/json/sarif-2.1.0.json");
const ajv = new Ajv({ strict: false, validateSchema: false, unicodeRegExp: false });
addFormats.default(ajv);
const schema = JSON.parse(readFileSync(schemaFile, "utf8")) as Record<string, unknown>;
const validate = ajv.compile({ ...schema, $schema: "http://json-schema.org/draft-07/schema#" });

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
  validate(log);
  expect(validate.errors ?? []).toEqual([]);
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
    expect(validate({ version: "2.1.0", runs: [{ results: [{}] }] })).toBe(false);
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
