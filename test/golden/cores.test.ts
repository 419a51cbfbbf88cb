import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { Report } from "../../src/model/report.js";
import { decodeCore } from "../../src/probes/core/decode.js";
import { renderJson } from "../../src/render/json.js";
import { renderTerminal } from "../../src/render/terminal/report.js";
import { reportSession } from "../../src/session/report.js";
import { recordingOf } from "./recording-of.js";

// From what gdb read of real cores to the texts that people read. The cores themselves are too big to be kept.

const recordings = join(import.meta.dirname, "../../fixtures/raw/core");
const runs = readdirSync(recordings).flatMap((version) =>
  readdirSync(join(recordings, version)).map((name) => ({ name, version, path: join(recordings, version, name) })),
);

const ADDRESS = "0x18589091b1";
const LIBRARY = { site: "ffi_doctor_store::ffi::stale::block_checksum", line: 76, address: ADDRESS };
/** What each core must say: whether it is first-hand, and where and at which address the fault was first. */
const expected: Record<string, { firstHand: boolean; site: string; line: number | null; address: string | null }> = {
  c: { firstHand: true, ...LIBRARY },
  python: { firstHand: true, ...LIBRARY },
  "python-faulthandler": { firstHand: false, ...LIBRARY },
  "node-raised-again": { firstHand: false, ...LIBRARY },
  "java-vmerror": { firstHand: false, ...LIBRARY },
  "go-crash": { firstHand: false, ...LIBRARY },
  "go-1.19-sigpanic": { firstHand: false, ...LIBRARY },
  "go-1.19-other-thread": { firstHand: false, site: "__pthread_kill_implementation", line: null, address: null },
  "other-thread": { firstHand: false, site: "fault", line: 19, address: ADDRESS },
};

const made: string[] = [];
afterAll(() => {
  for (const dir of made) {
    rmSync(dir, { recursive: true, force: true });
  }
});

it("has a recording of each kind of core, and knows what each must say", () => {
  expect(runs.map(({ name }) => name).sort()).toEqual(Object.keys(expected).sort());
});

describe.each(runs)("the core $name, read by gdb $version", ({ name, version, path }) => {
  it("is told first-hand or second-hand, with the place and the address of the fault", () => {
    const { report } = reportSession([path], { libs: [], baseline: null });
    const [finding] = report.findings;
    const top = finding?.stacks[0]?.frames[0];
    const { firstHand, site, line, address } = expected[name] ?? {};
    expect(finding?.evidence[0]).toMatch(firstHand ? /^this core is first-hand: / : /^this core is second-hand: /);
    expect(finding?.capture?.core).toMatchObject({ firstHand, recovered: true });
    expect(top?.function).toBe(site);
    expect(line === null ? null : top?.line).toBe(line);
    expect(finding?.signal?.address).toBe(address);
    expect(finding?.probes).toEqual(["core"]);
  });

  it("gives the same terminal report", async () => {
    const { report } = reportSession([path], { libs: [], baseline: null });
    const text = renderTerminal(report, { width: 80, color: false, runDir: "run", verbose: false });
    await expect(text).toMatchFileSnapshot(`cores/${version}/${name}.txt`);
  });

  it("gives a report that is what the schema says", () => {
    const { report } = reportSession([path], { libs: [], baseline: null });
    expect(() => Report.parse(JSON.parse(renderJson(report, { showMemory: false })))).not.toThrow();
  });

  it("reads without throwing wherever it is cut", () => {
    const text = readFileSync(join(path, "raw/core-0/gdb.jsonl"), "utf8");
    fc.assert(
      fc.property(fc.nat(text.length), (length) => {
        decodeCore(recordingOf({ "gdb.jsonl": text.slice(0, length) }), END);
      }),
      { numRuns: 40 },
    );
  });

  it("never says that all is well of a recording that is cut", () => {
    const text = readFileSync(join(path, "raw/core-0/gdb.jsonl"), "utf8");
    const lines = text.trim().split("\n");
    for (let kept = 0; kept < lines.length; kept += 1) {
      const decoded = decodeCore(recordingOf({ "gdb.jsonl": lines.slice(0, kept).join("\n") }), END);
      const silent = decoded.crashes.length === 0 && decoded.lost === null && (decoded.obstacles ?? []).length === 0;
      expect({ kept, silent }).toEqual({ kept, silent: false });
    }
  });

  it("makes a report without throwing whichever byte is flipped", () => {
    const bytes = readFileSync(join(path, "raw/core-0/gdb.jsonl"));
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
          writeFileSync(join(copy, "run/raw/core-0/gdb.jsonl"), damaged);
          const { report } = reportSession([join(copy, "run")], { libs: [], baseline: null });
          renderTerminal(report, { width: 80, color: false, runDir: "run", verbose: true });
        },
      ),
      { numRuns: 25 },
    );
  });
});

const END = {
  pid: null,
  outcome: { exitCode: null, signal: null, timedOut: false },
  tool: { exitCode: 0, signal: null },
  leftRunning: [],
  attached: false,
};
