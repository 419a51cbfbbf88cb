import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Report } from "../../src/model/report.js";
import { captured, cleanUp, doctor, main, root, scratch } from "../e2e/doctor.js";

const host = join(root, "fixtures/cases/build/host");
const lib = (name: string): string => join(root, `fixtures/cases/build/lib${name}.so`);

afterEach(cleanUp);

/** A gdb that does what the script says. */
function fakeGdb(script: string): NodeJS.ProcessEnv {
  const file = join(scratch(), "gdb");
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return { FFI_DOCTOR_GDB: file };
}

describe("gdb cannot be used", () => {
  it.each([
    [
      "is missing",
      { FFI_DOCTOR_GDB: "", PATH: "/nonexistent" },
      /gdb cannot be used here.*\n.*not installed/,
      "apt-get install -y gdb",
    ],
    ["is a wrong path", { FFI_DOCTOR_GDB: "/nonexistent/gdb" }, /gdb/, null],
    [
      "has no Python",
      () => fakeGdb("echo 'Python scripting is not supported in this copy of GDB.' >&2; exit 1"),
      /built without Python/,
      "apt-get install gdb",
    ],
    ["ends at once", () => fakeGdb("echo 'gdb: out of luck' >&2; exit 7"), /gdb ended with status 7/, null],
    ["is killed", () => fakeGdb("kill -SEGV $$"), /gdb ended by SIGSEGV/, null],
    [
      "is too old",
      () => fakeGdb(`echo '{"k":"refused","why":"gdb 7.2 is too old; 10 or newer is needed"}' >&3; exit 0`),
      /too old/,
      "apt-get install -y gdb",
    ],
  ] as const)("because it %s: status 3, one sentence, and the target was not run", (_name, env, said, mend) => {
    const marker = join(scratch(), "ran");
    const { status, stdout, stderr, report } = captured(["--", "/usr/bin/touch", marker], {
      env: typeof env === "function" ? env() : env,
    });
    expect(stderr).toMatch(said);
    expect({ status, stdout, ran: existsSync(marker), verdict: report?.verdict }).toEqual({
      status: 3,
      stdout: "",
      ran: false,
      verdict: "inconclusive",
    });
    if (mend !== null) {
      expect(stderr).toContain(mend);
    }
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it("because ptrace is forbidden", () => {
    const dir = scratch();
    const tool = join(dir, "no-ptrace");
    expect(spawnSync("gcc", ["-o", tool, join(root, "test/robust/no-ptrace.c")]).status).toBe(0);
    const marker = join(dir, "ran");
    const run = spawnSync(
      tool,
      [process.execPath, main, "gdb-capture", "--out", join(dir, "run"), "--", "/usr/bin/touch", marker],
      { encoding: "utf8", cwd: dir },
    );
    expect(run.stderr).toContain("ptrace is forbidden here");
    expect({ status: run.status, ran: existsSync(marker) }).toEqual({ status: 3, ran: false });
    const report = Report.parse(JSON.parse(readFileSync(join(dir, "run/report.json"), "utf8")));
    expect(report.verdict).toBe("inconclusive");
    const env = spawnSync(tool, [process.execPath, main, "env"], { encoding: "utf8" });
    expect(env.status).toBe(3);
    expect(env.stdout).toContain("no   ptrace");
  });
});

describe("gdb dies while the target runs", () => {
  it("leaves the target alone, and says what could not be seen", async () => {
    const dir = scratch();
    const out = join(dir, "run");
    const child = spawn(
      process.execPath,
      [main, "gdb-capture", "--out", out, "--", "sh", "-c", "echo began; sleep 2; echo ended; exit 5"],
      { stdio: ["ignore", "pipe", "pipe"], cwd: dir },
    );
    let stdout = "";
    child.stdout.on("data", (data: Buffer) => {
      stdout += data.toString();
    });
    await until(() => stdout.includes("began"));
    const gdb = spawnSync("pgrep", ["-P", String(child.pid), "-x", "gdb"], { encoding: "utf8" }).stdout.trim();
    expect(gdb).toMatch(/^\d+$/);
    process.kill(Number(gdb), "SIGKILL");
    const status = await new Promise((resolve) => child.on("close", resolve));
    const report = Report.parse(JSON.parse(readFileSync(join(out, "report.json"), "utf8")));
    expect({ status, stdout, outcome: report.run.outcome.exitCode, verdict: report.verdict }).toEqual({
      status: 3,
      stdout: "began\nended\n",
      outcome: 5,
      verdict: "inconclusive",
    });
    expect(report.obstacles[0]?.what).toContain("not all that happened was recorded");
  });
});

describe("gdb is stuck and holds the target stopped", () => {
  it("is ended, and the target goes on", () => {
    const told = `python import os; os.write(3, b'{\\"k\\":\\"attached\\"}\\n')`;
    const env = fakeGdb(
      `exec gdb -nx -batch -ex "attach $FFID_PID" -ex "${told}" -ex "python import time; time.sleep(60)"`,
    );
    const { status, stdout, report } = captured(["--", "sh", "-c", "echo ran; exit 5"], { env });
    expect({ status, stdout, outcome: report?.run.outcome.exitCode, verdict: report?.verdict }).toEqual({
      status: 3,
      stdout: "ran\n",
      outcome: 5,
      verdict: "inconclusive",
    });
  });
});

describe("a target that is not there to be asked", () => {
  it("is killed by SIGKILL: its own status, and no finding", () => {
    const { status, report } = captured(["--", "sh", "-c", "kill -9 $$"]);
    expect({ status, verdict: report?.verdict, outcome: report?.run.outcome }).toEqual({
      status: 137,
      verdict: "clean",
      outcome: { exitCode: null, signal: "SIGKILL", timedOut: false },
    });
    expect(report?.coverage[0]?.blindSpots[0]?.what).toContain("SIGKILL");
  });

  it("is sent a fatal signal by somebody else: no finding either", () => {
    const { status, report } = captured(["--", "sh", "-c", "sh -c 'kill -SEGV $PPID'; sleep 1"]);
    expect({ status, findings: report?.findings }).toEqual({ status: 139, findings: [] });
  });

  it("never ends: ended with all its descendants at the time limit, and shown where it was", () => {
    const mark = `ffid-${process.pid}-${Date.now()}`;
    const script = `trap '' TERM; (trap '' TERM; exec -a ${mark} sleep 100) & exec -a ${mark} sleep 100`;
    const { status, report, stderr } = captured(["--timeout", "1.5", "--", "bash", "-c", script]);
    expect({ status, verdict: report?.verdict, timedOut: report?.run.outcome.timedOut }).toEqual({
      status: 3,
      verdict: "inconclusive",
      timedOut: true,
    });
    expect(stderr).toMatch(/Where thread \d+ .* was/);
    expect(report?.letGo.length).toBeGreaterThanOrEqual(2);
    expect(spawnSync("pgrep", ["-f", mark]).status).toBe(1);
  });

  it("leaves a child behind, which is let go and not ended", () => {
    const dir = scratch();
    const { status, report } = captured(["--", "sh", "-c", "sleep 3 & echo $! > child; echo done"], { cwd: dir });
    const child = Number(readFileSync(join(dir, "child"), "utf8"));
    expect({ status, verdict: report?.verdict }).toEqual({ status: 0, verdict: "clean" });
    expect(report?.coverage[0]?.blindSpots.map(({ what }) => what)).toEqual([expect.stringContaining(String(child))]);
    expect(() => process.kill(child, 0)).not.toThrow();
    expect(readFileSync(`/proc/${child}/status`, "utf8")).toMatch(/^TracerPid:\s*0$/m);
    process.kill(child, "SIGKILL");
  });
});

describe("children of the target", () => {
  it.each([
    ["a shell", ["sh", "-c", `${host} ${lib("null-dereference")} broken; exit 9`], 9],
    ["a shell that executes", ["sh", "-c", `exec ${host} ${lib("null-dereference")} broken`], null],
    ["env", ["env", "A=1", host, lib("null-dereference"), "broken"], null],
    ["bash and a pipe", ["bash", "-c", `echo | ${host} ${lib("null-dereference")} broken | cat; exit 4`], 4],
  ])("are followed through %s", (_name, command, own) => {
    const { report, status } = captured(["--", ...command]);
    expect(status).toBe(1);
    expect(report?.findings).toMatchObject([{ code: "null-dereference" }]);
    expect(report?.run.outcome).toEqual(
      own === null
        ? { exitCode: null, signal: "SIGSEGV", timedOut: false }
        : { exitCode: own, signal: null, timedOut: false },
    );
  });

  // Beside heavy load gdb may not tell the ends of a few (docs/limits.md).
  it("may be many and short: the target ends as it would, and every end is recorded", { retry: 1 }, () => {
    const one = "(/bin/true & /bin/echo x | cat >/dev/null & exec sleep 0.01)";
    const script = `for i in $(seq 24); do ${one} & done; wait; exit 7`;
    for (let round = 0; round < 3; round += 1) {
      const { status, report, runDir } = captured(["--", "bash", "-c", script]);
      expect({ status, verdict: report?.verdict, unseen: report?.coverage[0]?.blindSpots }).toEqual({
        status: 7,
        verdict: "clean",
        unseen: [],
      });
      const records = readFileSync(join(runDir, "raw/gdb-0/gdb.jsonl"), "utf8");
      const ends = [...records.matchAll(/^\{"k": "exited".*?"pid": (\d+)/gm)].map((match) => match[1]);
      expect(new Set(ends).size).toBe(ends.length);
      expect(ends.length).toBeGreaterThanOrEqual(24 * 4);
      expect(records).not.toContain('"warning"');
    }
  });

  it("are followed through npm run", () => {
    const dir = scratch();
    const crash = `${host} ${lib("null-dereference")} broken`;
    writeFileSync(join(dir, "package.json"), JSON.stringify({ name: "x", version: "1.0.0", scripts: { crash } }));
    const { report } = captured(["--", "npm", "run", "-s", "crash"], { cwd: dir });
    expect(report?.findings).toMatchObject([{ code: "null-dereference" }]);
    expect(report?.run.processes.some(({ command }) => command[0] === host)).toBe(true);
  });
});

describe("the run directory after any of this", () => {
  it("has report.json, the manifest and the recording, for its owner alone", () => {
    const { runDir } = captured(["--", host, lib("null-dereference"), "broken"]);
    expect(readdirSync(runDir).sort()).toEqual(["doctor.log", "manifest.json", "raw", "report.json"]);
    const modes = spawnSync("find", [runDir, "-perm", "/077"], { encoding: "utf8" });
    expect(modes.stdout).toBe("");
    expect(doctor(["report", runDir, "-q"]).status).toBe(1);
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !holds(); i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  expect(holds()).toBe(true);
}
