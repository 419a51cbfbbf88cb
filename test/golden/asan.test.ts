import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { Report } from "../../src/model/report.js";
import { renderJson } from "../../src/render/json.js";
import { renderTerminal } from "../../src/render/terminal/report.js";
import { reportSession } from "../../src/session/report.js";

// From recordings of real runs under real sanitizers to what people read, with none of them at hand. After a change that is meant:
// npx vitest run test/golden/asan.test.ts --update, and read the difference.

const recordings = join(import.meta.dirname, "../../fixtures/raw/asan");
const runs = readdirSync(recordings).flatMap((version) =>
  readdirSync(join(recordings, version)).map((name) => ({ name, version, path: join(recordings, version, name) })),
);

const made: string[] = [];
afterAll(() => {
  for (const dir of made) {
    rmSync(dir, { recursive: true, force: true });
  }
});

describe.each(runs)("$name, recorded with the runtime of $version", ({ name, version, path }) => {
  it("gives the same terminal report", async () => {
    const { report } = reportSession([path], { libs: [], baseline: null });
    const text = renderTerminal(report, { width: 80, color: false, runDir: "run", verbose: false });
    await expect(text).toMatchFileSnapshot(`asan-${version}/${name}.txt`);
  });

  it("gives a report that is what the schema says", () => {
    const { report } = reportSession([path], { libs: [], baseline: null });
    expect(() => Report.parse(JSON.parse(renderJson(report, { showMemory: false })))).not.toThrow();
  });
});

/** Those with something to damage: a clean run has no log. */
const logged = runs.flatMap((run) => {
  const log = readdirSync(join(run.path, "raw/asan-0")).find((file) => /^(asan|lsan|ubsan|tsan)\./.test(file));
  return log === undefined ? [] : [{ ...run, log }];
});

describe.each(logged)("the log of $name, recorded with the runtime of $version", ({ path, log }) => {
  it("makes a report wherever its log is cut, and says that it is", () => {
    const copy = mkdtempSync(join(tmpdir(), "ffi-doctor-golden-"));
    made.push(copy);
    cpSync(path, copy, { recursive: true });
    const whole = readFileSync(join(path, "raw/asan-0", log), "utf8");
    fc.assert(
      fc.property(fc.nat(whole.length - 1), (length) => {
        writeFileSync(join(copy, "raw/asan-0", log), whole.slice(0, length));
        const { report } = reportSession([copy], { libs: [], baseline: null });
        renderTerminal(report, { width: 80, color: false, runDir: "run", verbose: true });
      }),
      { numRuns: 20 },
    );
  });

  it("makes a report without throwing whichever byte is flipped", () => {
    const copy = mkdtempSync(join(tmpdir(), "ffi-doctor-golden-"));
    made.push(copy);
    cpSync(path, copy, { recursive: true });
    const whole = readFileSync(join(path, "raw/asan-0", log));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 }),
        (flips) => {
          const damaged = Buffer.from(whole);
          for (const [at, value] of flips) {
            damaged[at] = value;
          }
          writeFileSync(join(copy, "raw/asan-0", log), damaged);
          const { report } = reportSession([copy], { libs: [], baseline: null });
          renderTerminal(report, { width: 80, color: false, runDir: "run", verbose: true });
        },
      ),
      { numRuns: 20 },
    );
  });
});
