import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Options } from "../../src/model/options.js";
import { Report } from "../../src/model/report.js";
import { decodeValgrind } from "../../src/probes/valgrind/decode.js";
import { renderJson } from "../../src/render/json.js";
import { renderTerminal } from "../../src/render/terminal/report.js";
import { reportSession } from "../../src/session/report.js";
import { recordingOf } from "./recording-of.js";

// As recordings.test.ts, for what memcheck left.

const recordings = join(import.meta.dirname, "../../fixtures/raw/valgrind");
const runs = readdirSync(recordings).flatMap((version) =>
  readdirSync(join(recordings, version)).map((name) => ({ name, version, path: join(recordings, version, name) })),
);

describe.each(runs)("$name, recorded by valgrind $version", ({ name, version, path }) => {
  it("gives the same terminal report", async () => {
    const { report } = reportSession([path], { libs: [], baseline: null });
    const text = renderTerminal(report, { width: 80, color: false, runDir: "run", verbose: false });
    await expect(text).toMatchFileSnapshot(`valgrind-${version}/${name}.txt`);
  });

  it("gives a report that is what the schema says", () => {
    const { report } = reportSession([path], { libs: [], baseline: null });
    expect(() => Report.parse(JSON.parse(renderJson(report, { showMemory: false })))).not.toThrow();
  });

  it("is read wherever it is cut: no error is made up, and a cut run is not taken for a whole one", () => {
    const files = filesOf(join(path, "raw/valgrind-0"));
    const xml = Object.keys(files).find((file) => /\.xml(\.\d+)?$/.test(file)) ?? "";
    const text = files[xml] ?? "";
    const whole = texts(files);
    fc.assert(
      fc.property(fc.nat(text.length - "</valgrindoutput>\n\n".length), (length) => {
        const cut = { ...files, [xml]: text.slice(0, length) };
        expect(whole).toEqual(expect.arrayContaining(texts(cut)));
        const { lost, obstacles, coverage } = decodeValgrind(recordingOf(cut), END, OPTIONS);
        const child = coverage
          .flatMap(({ blindSpots }) => blindSpots)
          .find(({ what }) => what.startsWith("the end of process"));
        expect(lost ?? obstacles?.[0]?.what ?? child?.what).toBeTruthy();
      }),
      { numRuns: 15 },
    );
  });

  it("is read whichever bytes are flipped", () => {
    const files = filesOf(join(path, "raw/valgrind-0"));
    const names = Object.keys(files);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(names.length - 1), fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (flips) => {
          const damaged = { ...files };
          for (const [which, at, value] of flips) {
            const file = names[which] ?? "";
            const bytes = Buffer.from(damaged[file] ?? "");
            bytes[at % Math.max(1, bytes.length)] = value;
            damaged[file] = bytes.toString();
          }
          decodeValgrind(recordingOf(damaged), END, OPTIONS);
        },
      ),
      { numRuns: 15 },
    );
  });
});

const OPTIONS = { libs: ["x"], scope: "all" } as unknown as Options;
const END = {
  pid: null,
  outcome: { exitCode: 0, signal: null, timedOut: false },
  tool: { exitCode: 0, signal: null },
  leftRunning: [],
  attached: false,
};

function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name !== "files.json");
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

function texts(files: Readonly<Record<string, string>>): string[] {
  return decodeValgrind(recordingOf(files), END, OPTIONS).checkerErrors.map(({ text }) => text);
}
