import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { Report } from "../../src/model/report.js";
import { cleanUp, main, root, scratch } from "./doctor.js";
import { isLeak, JUMPED, type Mode, smallBugs } from "./small-bugs.js";

/**
 * FFI_DOCTOR_MATRIX=whole runs every bug in every mode under every host; `npm test` each bug in every mode on one host, which is another
 * for the next bug and for the next mode. Broken and healthy run side by side.
 */
const whole = process.env["FFI_DOCTOR_MATRIX"] === "whole";
const folder = join(root, "fixtures/libs");
const python = spawnSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).stdout.trim();

const hosts: readonly (readonly [string, readonly string[]])[] = [
  ["C", [join(folder, "build/host")]],
  ["Node", [process.execPath, join(folder, "host.mjs")]],
  ["Python", [python, join(folder, "host.py")]],
];
const modes: Record<Mode, readonly string[]> = {
  poison: [],
  guard: ["--heap", "guard"],
  "guard before": ["--heap", "guard", "--guard-side", "before"],
};

interface Seen {
  status: number | null;
  stdout: string;
  stderr: string;
  report: Report | null;
}

async function watched(host: readonly string[], bug: string, way: string, flags: readonly string[]): Promise<Seen> {
  const runDir = join(scratch(), "run");
  const args = [main, "run", "-q", "--out", runDir, ...flags, "--", ...host, bug, way];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], cwd: scratch() });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  const file = join(runDir, "report.json");
  return {
    status,
    stdout,
    stderr,
    report: existsSync(file) ? Report.parse(JSON.parse(readFileSync(file, "utf8"))) : null,
  };
}

/** What was told, short enough to compare and to read. */
function summary({ status, report }: Seen) {
  return { status, verdict: report?.verdict, codes: report?.findings.map(({ code }) => code) };
}

const clean = { status: 0, verdict: "clean", codes: [] };
const modulesOf = ({ report }: Seen): (string | null)[] =>
  report?.findings.flatMap(({ stacks }) => stacks.flatMap(({ frames }) => frames.map(({ module }) => module))) ?? [];

afterEach(cleanUp);

it("what is told is said of each small bug there is", () => {
  const built = readdirSync(join(folder, "build")).flatMap((name) => /^lib(.*)\.so$/.exec(name)?.[1] ?? []);
  expect(Object.keys(smallBugs).sort()).toEqual(built.sort());
});

describe.each((Object.keys(modes) as Mode[]).map((mode, i) => [mode, i] as const))("with %s", (mode, i) => {
  const cells = Object.entries(smallBugs).flatMap(([bug, row], j) => {
    const expected = row[mode];
    const chosen = hosts.filter((_host, k) => whole || k === (i + j) % hosts.length);
    return expected === undefined ? [] : chosen.map(([name, host]) => [bug, name, { host, expected }] as const);
  });

  it.each(cells)("%s from %s", async (bug, _name, { host, expected }) => {
    const library = ["--lib", `lib${bug}.so`];
    // Of the healthy ones leaks are asked as well.
    const [broken, healthy] = await Promise.all([
      watched(host, bug, "broken", [...modes[mode], ...(isLeak(bug) ? library : [])]),
      watched(host, bug, "healthy", [...modes[mode], ...library]),
    ]);
    expect({ ...summary(healthy), stdout: healthy.stdout, stderr: healthy.stderr }).toEqual({
      ...clean,
      stdout: "done\n",
      stderr: "",
    });
    if ("notSeen" in expected) {
      expect({ ...summary(broken), stdout: broken.stdout }, expected.notSeen).toEqual({ ...clean, stdout: "done\n" });
      return;
    }
    const told = { status: isLeak(bug) ? 0 : 1, verdict: "findings", codes: [expected.code] };
    expect(summary(broken), broken.stderr).toEqual(told);
    if (!JUMPED.has(bug)) {
      expect(modulesOf(broken)).toContain(join(folder, `build/lib${bug}.so`));
    }
  });
});
