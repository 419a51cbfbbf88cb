import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type Column, checkerTwins, columns, expectedIn, pageOf, USED_BY_HOST } from "./checker-twins.js";
import { cleanUp, observed, root } from "./doctor.js";
import { commandOf, type Host, hosts } from "./hosts.js";

/** `npm run matrix` runs every cell; `npm test` each twin under each checker on one host in turn, and each host's healthy workload. */
const whole = process.env["FFI_DOCTOR_MATRIX"] === "whole";
const page = join(root, "docs/matrix-checkers.md");

const chosen = ["c", "rust", "go", "python", "node", "java"].map((name) => hosts.find((host) => host.name === name));
const six = chosen.filter((host): host is Host => host !== undefined);
const twins = Object.entries(checkerTwins);
const cells = new Set<string>();
/** Of findings in the library: one fingerprint a mistake, whichever host called. */
const fingerprints = new Map<string, { twin: string; column: Column; host: string }[]>();

afterEach(cleanUp);
afterAll(() => {
  // A filtered run must not say that it was whole.
  if (whole && cells.size === six.length * columns.length * twins.length) {
    writeFileSync(page, pageOf(six, new Date().toISOString().slice(0, 10)));
  }
});

describe("the hosts of the checkers' matrix", () => {
  it("are all here", () => {
    expect(six.map(({ name }) => name)).toEqual(["c", "rust", "go", "python", "node", "java"]);
  });
});

describe.each(columns)("under %s", (column) => {
  describe.each(six.map((host, i) => ({ host, i })))("the $host.name host", ({ host, i }) => {
    it("finds nothing in the healthy workload, and leaves its output and status as they are", () => {
      const { status, stdout, report, stderr } = run(column, host, "healthy", [
        "--traps",
        "2",
        "--exit",
        "7",
        "healthy",
      ]);
      expect({ status, stdout, verdict: report?.verdict, findings: report?.findings }, stderr).toEqual({
        status: 7,
        stdout: "scenario healthy: ok\ntraps survived: 2\ndone\n",
        verdict: "clean",
        findings: [],
      });
    });

    const mine = twins.filter((_twin, j) => whole || (i + j) % six.length === 0);
    it.each(mine)("%s", (twin, row) => {
      const key = `${host.name} ${column} ${twin}`;
      const expected = expectedIn(column, host, twin, row);
      if ("left" in expected) {
        cells.add(key);
        return;
      }
      const { status, report, stderr } = run(column, host, twin, [twin]);
      if ("notSeen" in expected) {
        const spots = report?.coverage.flatMap(({ blindSpots }) => blindSpots.map(({ what }) => what)) ?? [];
        expect({ status, verdict: report?.verdict }, stderr).toEqual({ status: 0, verdict: "clean" });
        expect(spots.join("\n")).toMatch(expected.notSeen);
        cells.add(key);
        return;
      }
      expect(report?.verdict, stderr).toBe("findings");
      expect(report?.findings[0]?.code).toBe(expected.code);
      expect(status).toBe(1);
      for (const { fingerprint, blame } of report?.findings.slice(0, 1) ?? []) {
        expect(["library", "boundary", ...(USED_BY_HOST.has(twin) ? ["unknown"] : [])]).toContain(blame);
        fingerprints.set(fingerprint, [...(fingerprints.get(fingerprint) ?? []), { twin, column, host: host.name }]);
      }
      cells.add(key);
    });
  });
});

it("gives two mistakes never one fingerprint", () => {
  const shared = [...fingerprints.values()].filter((seen) => new Set(seen.map(({ twin }) => twin)).size > 1);
  expect(shared).toEqual([]);
  expect(fingerprints.size).toBeGreaterThan(0);
});

function run(column: Column, host: Host, twin: string, args: readonly string[]) {
  const libraries = join(root, "native/build", column === "asan, instrumented" ? "store-asan" : "store");
  const variant = existsSync(join(libraries, twin)) ? twin : "healthy";
  return observed(column === "valgrind" ? "valgrind" : "asan", ["--", ...commandOf(host.command, variant), ...args], {
    env: { LD_LIBRARY_PATH: join(libraries, variant) },
  });
}
