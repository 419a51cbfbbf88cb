import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { Report } from "../../src/model/report.js";
import { decodeGdb } from "../../src/probes/gdb/decode.js";
import { renderJson } from "../../src/render/json.js";
import { renderTerminal } from "../../src/render/terminal/report.js";
import { reportSession } from "../../src/session/report.js";
import { recordingOf } from "./recording-of.js";

// From recordings of real runs to the texts that people read, with no tool and no target at hand. After a change that is meant:
// npx vitest run test/golden --update, and read the difference.

const recordings = join(import.meta.dirname, "../../fixtures/raw/gdb");
const runs = readdirSync(recordings).flatMap((version) =>
  readdirSync(join(recordings, version)).map((name) => ({ name, version, path: join(recordings, version, name) })),
);

const made: string[] = [];
afterAll(() => {
  for (const dir of made) {
    rmSync(dir, { recursive: true, force: true });
  }
});

describe.each(runs)("$name, recorded by gdb $version", ({ name, version, path }) => {
  it("gives the same terminal report", async () => {
    const { report } = reportSession([path], { libs: [], baseline: null });
    const text = renderTerminal(report, { width: 80, color: false, runDir: "run", verbose: false });
    await expect(text).toMatchFileSnapshot(`${version}/${name}.txt`);
  });

  it("gives a report that is what the schema says", () => {
    const { report } = reportSession([path], { libs: [], baseline: null });
    expect(() => Report.parse(JSON.parse(renderJson(report, { showMemory: false })))).not.toThrow();
  });

  it("reads without throwing wherever it is cut", () => {
    const text = readFileSync(join(path, "raw/gdb-0/gdb.jsonl"), "utf8");
    fc.assert(
      fc.property(fc.nat(text.length), (length) => {
        decodeGdb(recordingOf({ "gdb.jsonl": text.slice(0, length) }), END);
      }),
      { numRuns: 40 },
    );
  });

  it("makes a report without throwing whichever byte is flipped", () => {
    const bytes = readFileSync(join(path, "raw/gdb-0/gdb.jsonl"));
    const copy = mkdtempSync(join(tmpdir(), "ffi-doctor-golden-"));
    made.push(copy);
    cpSync(path, join(copy, "run"), { recursive: true });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (flips) => {
          const damaged = Buffer.from(bytes);
          for (const [at, value] of flips) {
            damaged[at] = value;
          }
          writeFileSync(join(copy, "run/raw/gdb-0/gdb.jsonl"), damaged);
          const { report } = reportSession([join(copy, "run")], { libs: [], baseline: null });
          renderTerminal(report, { width: 80, color: false, runDir: "run", verbose: true });
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe("several runs", () => {
  it("are one report, in which the same finding is counted", () => {
    const path = join(recordings, "13.1/c-double-free");
    const { report } = reportSession([path, path], { libs: [], baseline: null });
    expect(report.findings).toHaveLength(1);
    expect(report.findings[0]?.occurrences).toEqual({ seen: 2, runs: 2 });
  });
});

const END = {
  pid: null,
  outcome: { exitCode: 0, signal: null, timedOut: false },
  tool: { exitCode: 0, signal: null },
  leftRunning: [],
  attached: false,
};
