import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Report } from "../../src/model/report.js";
import { project } from "../e2e/ci-project.js";
import { cleanUp, doctor, main, scratch } from "../e2e/doctor.js";

afterEach(cleanUp);

describe("what would spoil a job at its end is told at its beginning:", () => {
  it("a file that cannot be written at the end is told, with its key", () => {
    const touch = [{ name: "a", command: ["sh", "-c", "touch began"] }];
    const { ci, dir } = project(touch, { outputs: [{ format: "junit", file: "/proc/none/report.xml" }] });
    expect(ci()).toMatchObject({ status: 2, stderr: expect.stringContaining("outputs[0].file: cannot write /proc/") });
    const folder = project(touch);
    expect(folder.ci("--format", "json=.")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("is a folder"),
    });
    expect([dir, folder.dir].some((made) => existsSync(join(made, "began")))).toBe(false);
  });

  it("the folders of what is asked for are made; a device is written to", () => {
    const outputs = [{ format: "junit", file: "reports/ci/report.xml" }];
    const { ci, dir } = project([{ name: "a", command: ["true"] }], { outputs });
    expect(ci("--format", "json=other/report.json", "--format", "json=/dev/null")).toMatchObject({ status: 0 });
    expect(existsSync(join(dir, "reports/ci/report.xml")) && existsSync(join(dir, "other/report.json"))).toBe(true);
  });

  it.each(["process.exit(0)", "await new Promise(() => {})"])("a configuration that says %s does not pass", (line) => {
    const dir = scratch();
    writeFileSync(join(dir, "ffi-doctor.config.mjs"), `${line};\nexport default {};\n`);
    for (const args of [[], ["--dry-run"]]) {
      const { status, stdout, stderr } = doctor(["ci", ...args], { cwd: dir });
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain("a script must only export it");
    }
  });
});

describe("an interrupt", () => {
  it("ends what runs with all that it started, begins nothing more, and is reported", async () => {
    const { dir } = project([
      { name: "slow", command: ["sh", "-c", "trap '' INT; sleep 50 & echo $!; echo up; wait; wait"] },
      { name: "next", command: ["sh", "-c", "touch began"] },
    ]);
    const out = join(dir, "out");
    const output = join(out, "slow/gdb-capture/output/gdb-0.txt");
    const run = spawn(process.execPath, [main, "ci", "--out", out], { cwd: dir, stdio: "ignore" });
    const ended = new Promise((resolve) => run.on("exit", resolve));
    while (!existsSync(output) || !readFileSync(output, "utf8").includes("up")) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    run.kill("SIGINT");
    expect(await ended).toBe(3);
    const report = Report.parse(JSON.parse(readFileSync(join(out, "report.json"), "utf8")));
    expect(report.obstacles.map(({ what }) => what)).toEqual([
      "1 run was not begun: interrupted by SIGINT",
      "slow under gdb-capture: it was interrupted by SIGINT",
    ]);
    const child = Number(/^\d+/.exec(readFileSync(output, "utf8"))?.[0]);
    // Nobody may be there to reap it: a zombie has ended, too.
    const stat = existsSync(`/proc/${child}`) ? readFileSync(`/proc/${child}/stat`, "utf8") : ") Z";
    expect(stat).toMatch(/\) [ZX]/);
    expect(existsSync(join(dir, "began"))).toBe(false);
  });
});

describe("an interrupt of a run under valgrind", () => {
  it("takes no longer than a CI system waits, and the end is ffi-doctor's own", async () => {
    const { dir } = project([
      {
        name: "deaf",
        command: ["sh", "-c", "trap '' INT TERM; echo up; while :; do sleep 1; done"],
        instruments: ["valgrind"],
      },
    ]);
    const out = join(dir, "out");
    const output = join(out, "deaf/valgrind/output/valgrind-0.txt");
    const run = spawn(process.execPath, [main, "ci", "--out", out], { cwd: dir, stdio: "ignore" });
    const ended = new Promise((resolve) => run.on("exit", resolve));
    while (!existsSync(output) || !readFileSync(output, "utf8").includes("up")) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const asked = Date.now();
    run.kill("SIGTERM");
    expect(await ended).toBe(3);
    // GitHub and docker stop give ten seconds.
    expect(Date.now() - asked).toBeLessThan(9_000);
    const report = Report.parse(JSON.parse(readFileSync(join(out, "report.json"), "utf8")));
    expect(report.obstacles.map(({ what }) => what)).toEqual(["deaf under valgrind: it was interrupted by SIGTERM"]);
    expect(report.run.outcome.signal).toBe("SIGKILL");
    expect(JSON.stringify(report.coverage)).not.toContain("out-of-memory");
  });
});
