import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Report } from "../../src/model/report.js";
import { captured, cleanUp, doctor, libraries, main, root, scratch } from "./doctor.js";
import { hosts } from "./hosts.js";

const host = join(root, "fixtures/cases/build/host");
const lib = (name: string): string => join(root, `fixtures/cases/build/lib${name}.so`);
const broken = ["--", host, lib("null-dereference"), "broken"];
const healthy = ["--", host, lib("null-dereference"), "healthy"];

afterEach(cleanUp);

/** Crashes in its third run, and counts its runs in a file. */
function flaky(): { command: string[]; runs: () => number } {
  const dir = scratch();
  const file = join(dir, "flaky");
  const count = join(dir, "count");
  const crash = `[ $n -eq 3 ] && exec ${host} ${lib("null-dereference")} broken`;
  writeFileSync(
    file,
    `#!/bin/sh\nn=$(cat ${count} 2>/dev/null || echo 0); n=$((n+1)); echo $n > ${count}\n${crash}\nexit 0\n`,
  );
  chmodSync(file, 0o755);
  return { command: [file], runs: () => Number(readFileSync(count, "utf8")) };
}

describe("runs", () => {
  it("are repeated until the crash, and the evidence of each is kept", () => {
    const { command, runs } = flaky();
    const { status, report, runDir } = captured(["--until-crash", "--", ...command]);
    expect({ status, runs: runs(), kept: readdirSync(join(runDir, "raw")) }).toEqual({
      status: 1,
      runs: 3,
      kept: ["gdb-0", "gdb-1", "gdb-2"],
    });
    expect(report?.findings[0]?.occurrences).toEqual({ seen: 1, runs: 3 });
  });

  it("are repeated as often as asked", () => {
    const { command, runs } = flaky();
    const { status, report } = captured(["--repeat", "4", "--", ...command]);
    expect({ status, runs: runs() }).toEqual({ status: 1, runs: 4 });
    expect(report?.findings[0]?.occurrences).toEqual({ seen: 1, runs: 4 });
  });

  it("end with the count where nothing crashes", () => {
    const { command, runs } = flaky();
    expect(captured(["--until-crash", "--repeat", "2", "--", ...command])).toMatchObject({ status: 0 });
    expect(runs()).toBe(2);
  });
});

describe("the status", () => {
  it.each([
    [["--fail-on", "error", ...broken], 1],
    [["--exit-code", "doctor", "--", "sh", "-c", "exit 9"], 0],
    [["--exit-code", "target", "--", "sh", "-c", "exit 9"], 9],
    [["--", "sh", "-c", "kill -TERM $$"], 143],
  ])("with %j is %i", (args, expected) => {
    expect(captured(args).status).toBe(expected);
  });

  it("is explained with -v", () => {
    expect(captured(["-v", "--", "sh", "-c", "exit 9"]).stderr).toContain("status 9: the target's own");
  });
});

describe("--lib", () => {
  it("chooses what is in question, by soname, file name or glob", () => {
    for (const name of ["libnull-dereference.so", "/**/libnull-*.so"]) {
      const { report } = captured(["--lib", name, ...broken]);
      expect(report?.run.libraries.map(({ path }) => path)).toEqual([lib("null-dereference")]);
      expect(report?.findings[0]?.stacks[0]?.frames.some(({ boundary }) => boundary)).toBe(true);
    }
  });

  it("that matches nothing is a blind spot, and inconclusive when none does", () => {
    const one = captured(["--lib", "libnosuch.so", "--lib", "libnull-dereference.so", ...healthy]);
    expect(one).toMatchObject({ status: 0, report: { verdict: "clean" } });
    expect(one.report?.coverage[0]?.blindSpots[0]?.what).toContain("libnosuch.so");
    const none = captured(["--lib", "null", ...healthy]);
    expect(none).toMatchObject({ status: 3, report: { verdict: "inconclusive" } });
    expect(captured(["--lib", "libnosuch.so", ...broken]).status).toBe(1);
  });

  it("exe puts the program's own code in question", () => {
    const { report } = captured(["--lib", "exe", ...broken]);
    expect(report?.findings[0]?.stacks[0]?.frames.find(({ function: name }) => name === "main")?.side).toBe("library");
  });
});

describe("--dry-run", () => {
  it("says what would be started and changed, and starts nothing", () => {
    const dir = scratch();
    const { status, stdout } = doctor(["gdb-capture", "--dry-run", "--", "node", "-e", "0"], { cwd: dir });
    expect(status).toBe(0);
    expect(stdout).toMatch(/gdb[\s\S]*node -e 0[\s\S]*NODE_OPTIONS/);
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe("--attach", () => {
  it("captures a process that runs already, and leaves its output alone", async () => {
    const dir = scratch();
    const script = `process.stdout.write("ready\\n"); setTimeout(() => { console.log("last"); process.abort(); }, 2500);`;
    const target = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] });
    const ended = new Promise((resolve) => target.on("close", (_code, signal) => resolve(signal)));
    let stdout = "";
    target.stdout.on("data", (data: Buffer) => {
      stdout += data.toString();
    });
    const run = spawnSync(
      process.execPath,
      [main, "gdb-capture", "--out", join(dir, "run"), "--attach", String(target.pid)],
      {
        encoding: "utf8",
      },
    );
    const report = Report.parse(JSON.parse(readFileSync(join(dir, "run/report.json"), "utf8")));
    expect({ status: run.status, signal: await ended, stdout }).toEqual({
      status: 1,
      signal: "SIGABRT",
      stdout: "ready\nlast\n",
    });
    expect(report).toMatchObject({
      findings: [{ code: "abort", blame: "host" }],
      run: { outcome: { signal: "SIGABRT" } },
    });
    expect(report.coverage[0]?.blindSpots.map(({ what }) => what)).toContain("names of JavaScript functions");
  });

  it("lets a healthy process go at the time limit, unharmed", async () => {
    const target = spawn(process.execPath, ["-e", "setTimeout(() => process.exit(4), 2500)"], { stdio: "ignore" });
    const ended = new Promise((resolve) => target.on("close", resolve));
    const { status, report } = captured(["--attach", String(target.pid), "--timeout", "0.7"]);
    expect({ status, verdict: report?.verdict, own: await ended }).toEqual({
      status: 3,
      verdict: "inconclusive",
      own: 4,
    });
    expect(report?.letGo).toHaveLength(1);
  });

  it("says that there is no such process", () => {
    const { status, stderr } = captured(["--attach", "4194303"]);
    expect({ status, said: /there is no process 4194303/.test(stderr) }).toEqual({ status: 3, said: true });
  });
});

describe("the report", () => {
  it("knows the host's version, its libraries with their build ids, and what was changed", () => {
    const node = hosts.find(({ name }) => name === "node");
    const env = { LD_LIBRARY_PATH: join(libraries, "stale-handle") };
    const { report } = captured(["--", ...(node?.command ?? []), "stale-handle"], { env });
    expect(report?.run.host).toEqual({ runtime: "node", version: process.versions.node });
    expect(report?.run.libraries.map(({ buildId }) => buildId)).toEqual([expect.stringMatching(/^[0-9a-f]{40}$/)]);
    expect(report?.findings[0]?.capture?.modules.find(({ inQuestion }) => inQuestion)?.path).toContain(
      "libffi_doctor_store.so",
    );
    expect(report?.run.interventions).toMatchObject([
      { kind: "environment", what: expect.stringContaining("NODE_OPTIONS=") },
    ]);
    expect(report?.run.processes.every(({ pid }) => !existsSync(`/tmp/perf-${pid}.map`))).toBe(true);
  });

  it("leaves nothing in the working directory but the run", () => {
    const dir = scratch();
    expect(doctor(["gdb-capture", "-q", "--", process.execPath, "-e", "0"], { cwd: dir }).status).toBe(0);
    expect(readdirSync(dir)).toEqual([".ffi-doctor"]);
  });

  it("is made in an environment that was meant for the target alone", () => {
    const env = { PYTHONHOME: "/nonexistent", PYTHONPATH: "/nonexistent", LD_LIBRARY_PATH: "/nonexistent" };
    const { status, stdout } = captured(["--", "sh", "-c", "echo $PYTHONHOME $LD_LIBRARY_PATH"], { env });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "/nonexistent /nonexistent\n" });
  });

  it("keeps memory and secrets to itself unless asked", () => {
    const secret = ["sh", "-c", `exec ${host} ${lib("null-dereference")} broken`, "x", "--password", "hunter2"];
    const masked = captured(["--", ...secret]);
    expect(JSON.stringify(masked.report)).not.toContain("hunter2");
    expect(masked.report?.findings[0]?.capture?.memory.every(({ bytes }) => bytes === null)).toBe(true);
    const shown = captured(["--show-memory", "--", ...secret]);
    expect(shown.report?.run.command).toContain("hunter2");
    expect(shown.report?.findings[0]?.capture?.memory.some(({ bytes }) => bytes !== null)).toBe(true);
  });
});
