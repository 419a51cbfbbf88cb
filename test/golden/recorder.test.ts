import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { Report } from "../../src/model/report.js";
import { renderJson } from "../../src/render/json.js";
import { renderTerminal } from "../../src/render/terminal/report.js";
import { reportSession } from "../../src/session/report.js";

// From black boxes of real runs to what people read, by the version of their format, with nothing of those runs at hand. After a change
// that is meant: npx vitest run test/golden/recorder.test.ts --update, and read the difference.

const recordings = join(import.meta.dirname, "../../fixtures/raw/recorder");
const STEP = "raw/recorder-0";
const runs = readdirSync(recordings).flatMap((version) =>
  readdirSync(join(recordings, version)).map((name) => ({ name, version, path: join(recordings, version, name) })),
);

const made: string[] = [];
afterAll(() => {
  for (const dir of made) {
    rmSync(dir, { recursive: true, force: true });
  }
});

function textOf(path: string, verbose = false): string {
  const { report } = reportSession([path], { libs: [], baseline: null });
  return renderTerminal(report, { width: 80, color: false, runDir: "run", verbose });
}

function copyOf(path: string): string {
  const copy = mkdtempSync(join(tmpdir(), "ffi-doctor-golden-"));
  made.push(copy);
  cpSync(path, copy, { recursive: true });
  return copy;
}

describe.each(runs)("$name, recorded in format $version", ({ name, version, path }) => {
  it("gives the same terminal report", async () => {
    await expect(textOf(path)).toMatchFileSnapshot(`recorder-${version}/${name}.txt`);
  });

  it("gives a report that is what the schema says", () => {
    const { report } = reportSession([path], { libs: [], baseline: null });
    expect(() => Report.parse(JSON.parse(renderJson(report, { showMemory: false })))).not.toThrow();
  });

  const files = readdirSync(join(path, STEP)).filter((file) => /^box\.|^symbols\.json$/.test(file));
  it.each(files)("makes a report wherever %s is cut, and whichever of its bytes are flipped", (file) => {
    const copy = copyOf(path);
    const whole = readFileSync(join(path, STEP, file));
    const flips = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 24 });
    fc.assert(
      fc.property(fc.nat(whole.length), flips, (length, changes) => {
        writeFileSync(join(copy, STEP, file), whole.subarray(0, length));
        textOf(copy, true);
        const damaged = Buffer.from(whole);
        for (const [at, value] of changes) {
          damaged[at] = value;
        }
        writeFileSync(join(copy, STEP, file), damaged);
        textOf(copy, true);
      }),
      { numRuns: 8 },
    );
  });
});

describe("a recording", () => {
  it("of a process whose box is gone is never called clean", () => {
    const copy = copyOf(join(recordings, "1/clean"));
    for (const file of readdirSync(join(copy, STEP)).filter((name) => name.startsWith("box."))) {
      rmSync(join(copy, STEP, file));
    }
    const { report } = reportSession([copy], { libs: [], baseline: null });
    expect(report.verdict).toBe("inconclusive");
  });

  it("whose box is damaged is never called clean", () => {
    const copy = copyOf(join(recordings, "1/clean"));
    for (const file of readdirSync(join(copy, STEP)).filter((name) => name.startsWith("box."))) {
      const bytes = readFileSync(join(copy, STEP, file));
      bytes.fill(0x77, 4096 + 64, 4096 + 512);
      writeFileSync(join(copy, STEP, file), bytes);
    }
    const { report } = reportSession([copy], { libs: [], baseline: null });
    expect(report.verdict).toBe("inconclusive");
  });
});
