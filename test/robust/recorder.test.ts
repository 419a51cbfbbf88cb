import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { cleanUp, doctor, observed, root, scratch } from "../e2e/doctor.js";

const LIBRARY = "libload.so";
let folder = "";
let program = "";

/** A library with the load in it, and a program that does nothing but call it. */
beforeAll(() => {
  folder = join(root, ".cache/recorder-load");
  const main = join(folder, "main.c");
  spawnSync("mkdir", ["-p", folder]);
  writeFileSync(
    main,
    '#include <stdio.h>\n#include <stdlib.h>\nint load_run(const char *, int);\nint main(int n, char **v) { int s = load_run(v[1], n > 2 ? atoi(v[2]) : 1); puts("done"); return s; }\n',
  );
  program = join(folder, "load");
  const gcc = (...args: string[]) => expect(spawnSync("gcc", args, { encoding: "utf8" }).stderr).toBe("");
  gcc("-O1", "-g", "-w", "-shared", "-fPIC", "-o", join(folder, LIBRARY), join(root, "test/robust/recorder-load.c"));
  gcc("-O1", "-g", "-o", program, main, join(folder, LIBRARY), `-Wl,-rpath,${folder}`);
});
afterEach(cleanUp);
afterAll(() => spawnSync("rm", ["-rf", folder]));

const recorded = (args: readonly string[], flags: readonly string[] = [], before: readonly string[] = []) =>
  observed("run", ["--lib", LIBRARY, ...flags, "--", ...before, program, ...args]);

describe("under load, the recorder", () => {
  it.each([
    ["two hundred threads", ["threads", "200"], "poison"],
    ["two hundred threads, guarded", ["threads", "200"], "guard"],
    ["a thousand children", ["forks", "1000"], "poison"],
    ["a hundred children, guarded", ["forks", "100"], "guard"],
    ["ten million allocations", ["blocks", "10"], "poison"],
    ["sixteen thousand stacks of eight threads", ["stacks", "8"], "poison"],
    ["all descriptors closed, guarded", ["close-all"], "guard"],
  ])("leaves %s as they are, and finds nothing", (_name, args, heap) => {
    const { status, stdout, stderr, report } = recorded(args, ["--heap", heap]);
    expect({ status, stdout, findings: report?.findings, verdict: report?.verdict }, stderr).toEqual({
      status: 0,
      stdout: "done\n",
      findings: [],
      verdict: "clean",
    });
  });
});

describe("what was recorded", () => {
  it("outlives SIGKILL", () => {
    const { status, report } = recorded(["killed"]);
    expect(status).toBe(1);
    expect(report?.findings).toMatchObject([{ code: "double-free", confidence: "proved" }]);
    expect(report?.run.outcome.signal).toBe("SIGKILL");
  });

  it("is looked at also where a program ends by _exit", () => {
    const { report } = recorded(["ended-at-once"]);
    expect(report?.findings).toMatchObject([{ code: "heap-use-after-free" }]);
    expect(report?.run.outcome.exitCode).toBe(4);
  });
});

describe("where there is no room", () => {
  it("for files, the target runs as it would, and the report says that nothing was recorded", () => {
    const { status, stdout, report } = observed("run", ["--", "sh", "-c", `ulimit -f 0; exec ${program} threads 2`]);
    expect({ status, stdout, verdict: report?.verdict }).toEqual({
      status: 3,
      stdout: "done\n",
      verdict: "inconclusive",
    });
    expect(report?.obstacles[0]?.what).toBe("the program that the command became was not recorded");
  });

  it("for addresses, the heap is left alone, and the report says so", () => {
    const { stdout, report } = observed("run", [
      ...["--lib", LIBRARY, "--", "sh", "-c", `ulimit -v 4000000; exec ${program} threads 2`],
    ]);
    expect(stdout).toBe("done\n");
    expect(report?.findings).toEqual([]);
    expect(JSON.stringify(report?.coverage)).toMatch(/address space/);
  });

  it.skipIf(process.getuid?.() !== 0)("on the disk, the target runs as it would", () => {
    const dir = scratch();
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", dir]).status).toBe(0);
    try {
      const { status, stdout, stderr } = doctor(["run", "--out", join(dir, "run"), "--", program, "threads", "4"]);
      expect(stdout).toBe("done\n");
      expect([0, 2, 3], stderr).toContain(status);
      expect(stderr).not.toMatch(/killed by|\bat .*\.js:\d/);
    } finally {
      spawnSync("umount", [dir]);
    }
  });
});
