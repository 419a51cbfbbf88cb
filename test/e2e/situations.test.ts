import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { captured, cleanUp, libraries, root, scratch } from "./doctor.js";
import { hosts } from "./hosts.js";

const program = join(root, "fixtures/situations/build/host");

afterEach(cleanUp);

describe("a crash in an awkward place", () => {
  it.each([
    ["two-threads-at-once", "null-dereference", "library", "total_of", 139],
    ["in-a-signal-handler", "null-dereference", "library", "total_of", 139],
    ["inside-malloc", "abort", "unknown", "allocate", 134],
    ["on-the-library's-thread", "null-dereference", "library", "total_of", 139],
    ["in-a-child-of-a-child", "null-dereference", "library", "total_of", 0],
  ])("%s: the right pick; and nothing in its healthy twin", (situation, code, blame, site, own) => {
    const { report, status } = captured(["--", program, situation, "broken"]);
    expect(report?.findings).toMatchObject([{ code, blame, occurrences: { seen: 1 } }]);
    const frames = report?.findings[0]?.stacks[0]?.frames ?? [];
    expect(frames.find(({ side }) => side === "library")?.function).toBe(site);
    expect(status).toBe(1);
    const { exitCode, signal } = report?.run.outcome ?? {};
    expect(own === 0 ? exitCode : signal).toBe(own === 0 ? 0 : own === 134 ? "SIGABRT" : "SIGSEGV");
    const healthy = captured(["--", program, situation, "healthy"]);
    expect({ status: healthy.status, stdout: healthy.stdout, findings: healthy.report?.findings }).toEqual({
      status: 0,
      stdout: "survived\n",
      findings: [],
    });
  });

  it("in a process that has a tracer already: says so, and leaves both alone", async () => {
    const dir = scratch();
    const child = spawn("sleep", ["30"], { stdio: "ignore" });
    const script = join(dir, "hold.gdb");
    writeFileSync(script, "echo held\\n\nshell sleep 20\n");
    const other = spawn("gdb", ["-nx", "-batch", "-p", String(child.pid), "-x", script], { stdio: "pipe" });
    await new Promise<void>((resolve) =>
      other.stdout.on("data", (data: Buffer) => /held/.test(String(data)) && resolve()),
    );
    const { status, stderr } = captured(["--attach", String(child.pid)]);
    expect(status).toBe(3);
    expect(stderr).toMatch(/has a debugger already/);
    expect(spawnSync("kill", ["-0", String(child.pid)]).status).toBe(0);
    expect(spawnSync("kill", ["-0", String(other.pid)]).status).toBe(0);
    other.kill("SIGKILL");
    child.kill("SIGKILL");
  });
});

describe("a library that was stripped", () => {
  it("has module and offset for its own functions, and the report says why", () => {
    const dir = scratch();
    const file = join(dir, "libffi_doctor_store.so");
    const whole = join(libraries, "stale-handle/libffi_doctor_store.so");
    expect(spawnSync("strip", ["--strip-all", "-o", file, whole]).status).toBe(0);
    const host = hosts.find(({ name }) => name === "c");
    const { report, stderr } = captured(["--", ...(host?.command ?? []), "stale-handle"], {
      env: { LD_LIBRARY_PATH: dir },
    });
    const frames = report?.findings[0]?.stacks[0]?.frames ?? [];
    expect(frames[0]).toMatchObject({
      function: null,
      module: file,
      offset: expect.stringMatching(/^0x/),
      side: "library",
    });
    expect(frames.find(({ boundary }) => boundary)?.function).toBe("fds_get");
    expect(report?.coverage[0]?.blindSpots.map(({ why }) => why)).toEqual([
      "it was built without debug information, or stripped",
    ]);
    expect(stderr).toContain("libffi_doctor_store.so+0x");
  });
});

describe("a goroutine whose stack Go moves while it dies", () => {
  it("died of its own fault, whatever other goroutines recovered meanwhile", () => {
    const program = join(scratch(), "moved-stack");
    const source = join(root, "test/e2e/moved-stack.go");
    const built = spawnSync("go", ["build", "-o", program, source], { encoding: "utf8" });
    expect(built.stderr).toBe("");
    for (let i = 0; i < 3; i++) {
      const { report, stderr } = captured(["--", program]);
      expect(report?.findings, stderr).toMatchObject([{ code: "null-dereference", confidence: "likely" }]);
      expect(report?.findings[0]?.stacks[0]?.frames[0]?.function).toBe("main.checksum");
    }
  });
});

describe("a thousand benign traps before the crash", () => {
  it.each(hosts.filter(({ name }) => ["go", "node", "java"].includes(name)))(
    "leave the pick right on the $name host",
    ({ command }) => {
      const { report, stdout } = captured(["--", ...command, "--traps", "1000", "stale-handle"], {
        env: { LD_LIBRARY_PATH: join(libraries, "stale-handle") },
      });
      expect(stdout).toContain("traps survived: 1000\n");
      expect(report?.findings).toMatchObject([{ code: "wild-pointer", blame: "library", confidence: "proved" }]);
      const frames = report?.findings[0]?.stacks[0]?.frames ?? [];
      expect(frames[0]?.function).toBe("ffi_doctor_store::ffi::stale::block_checksum");
    },
  );
});
