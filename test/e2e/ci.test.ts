import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { project } from "./ci-project.js";
import { cleanUp, doctor, main, root, scratch } from "./doctor.js";

const host = join(root, "fixtures/cases/build/host");
const lib = (name: string): string => join(root, `fixtures/cases/build/lib${name}.so`);
const broken = (name: string): string[] => [host, lib(name), "broken"];
const healthy = [host, lib("null-dereference"), "healthy"];

afterEach(cleanUp);

describe("ci", () => {
  it("runs each command, and makes one report of all, with a run directory for each", () => {
    const { ci, dir } = project(
      [
        { name: "bad", command: broken("null-dereference") },
        { name: "good", command: healthy },
      ],
      { outputs: ["json", "sarif", "junit", "markdown"].map((format) => ({ format, file: `r.${format}` })) },
    );
    const { status, stdout, stderr, report, out } = ci();
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(report?.run).toMatchObject({
      verb: "ci",
      jobs: [
        { name: "bad", instrument: "gdb-capture", verdict: "findings", counts: { new: 1, known: 0, suppressed: 0 } },
        { name: "good", verdict: "clean", directory: "good/gdb-capture" },
      ],
    });
    expect(report?.findings.map(({ code }) => code)).toEqual(["null-dereference"]);
    expect(report?.run.interventions.map(({ what }) => what).join()).toContain("standard output and standard error go");
    expect(stderr).toMatch(/\[1\/2\] bad under gdb-capture: 1 finding \(\d+\.\d s\)\n/);
    expect(stderr).toMatch(/\[2\/2\] good under gdb-capture: clean/);
    expect(readdirSync(dir).filter((name) => name.startsWith("r."))).toHaveLength(4);
    const again = doctor(["report", "--format", "json", join(out, "bad/gdb-capture")]);
    expect(again.stdout).toContain("null-dereference");
  });

  it("captures what a command writes, in its order, and shows the end of it where that failed", () => {
    const script = "for i in $(seq 30); do echo line $i; done; echo last >&2; read x || echo no input; exit 7";
    const { ci } = project([{ name: "seven", command: ["sh", "-c", script] }]);
    const { status, stdout, stderr, report, out } = ci();
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(report?.obstacles[0]?.what).toContain("ended with status 7, not with status 0");
    expect(stderr).toContain("  | line 30\n  | last\n  | no input\n");
    expect(stderr).not.toContain("| line 12\n");
    expect(readFileSync(join(out, "seven/gdb-capture/output/gdb-0.txt"), "utf8")).toContain("line 1\n");
  });

  it("takes a status that is expected for an answer", () => {
    const { ci } = project([
      { name: "seven", command: ["sh", "-c", "exit 7"], expectStatus: 7 },
      { name: "killed", command: ["sh", "-c", "kill -TERM $$"], expectStatus: 143 },
    ]);
    expect(ci()).toMatchObject({ status: 0, report: { verdict: "clean" } });
    expect(ci("--exit-code", "target").status).toBe(143);
  });

  it("gives each command its folder and environment", () => {
    const { ci, dir } = project([
      {
        name: "where",
        command: ["sh", "-c", 'pwd; echo "$GREETING" "$HOME"; ./own'],
        cwd: "inner",
        env: { GREETING: "hello", HOME: null },
      },
    ]);
    mkdirSync(join(dir, "inner"));
    writeFileSync(join(dir, "inner/own"), "#!/bin/sh\necho own\n", { mode: 0o755 });
    const { status, out } = ci();
    const text = readFileSync(join(out, "where/gdb-capture/output/gdb-0.txt"), "utf8");
    expect({ status, text }).toEqual({ status: 0, text: `${join(dir, "inner")}\nhello \nown\n` });
  });

  it("ends one that hangs, and runs the rest", () => {
    const { ci } = project([
      { name: "hangs", command: ["sleep", "60"], timeout: 1 },
      { name: "good", command: healthy },
    ]);
    const { status, report } = ci();
    expect(status).toBe(3);
    expect(report).toMatchObject({
      verdict: "inconclusive",
      run: { jobs: [{ verdict: "inconclusive" }, { verdict: "clean" }] },
      obstacles: [{ what: expect.stringContaining("hangs under gdb-capture: the time limit of 1 s was over") }],
    });
  });

  it("never takes a finding of one for the answer of another", () => {
    const bad = { name: "bad", command: broken("null-dereference") };
    const { ci, write } = project([bad], { baseline: "known.json" });
    expect(ci("--update-baseline").status).toBe(0);
    write([bad, { name: "hangs", command: ["sleep", "60"], timeout: 1 }]);
    expect(ci()).toMatchObject({ status: 3, report: { verdict: "findings" } });
    expect(ci("--only", "bad").status).toBe(0);
  });

  it("copes with 100 MB of output", () => {
    const { ci } = project([{ name: "big", command: ["sh", "-c", "yes | head -c 100000000; exit 1"] }]);
    const { status, stderr, out } = ci();
    expect(status).toBe(3);
    expect(stderr.length).toBeLessThan(10_000);
    const file = join(out, "big/gdb-capture/output/gdb-0.txt");
    expect(statSync(file).size).toBe(100_000_000);
    rmSync(file);
  });

  it("lets nothing that a command writes act on the terminal", () => {
    const { ci } = project([{ name: "rude", command: ["printf", "\\033[2Jx\\n\\xff\\n"], expectStatus: 1 }]);
    const { stderr } = ci();
    expect(stderr).toContain("  | \\x1b[2Jx\n");
    expect(stderr).not.toContain("\u001b");
  });

  it("says of each run what would be started, and starts nothing", () => {
    const { ci, dir } = project([{ name: "good", command: healthy }]);
    const { status, stdout } = ci("--dry-run");
    expect({ status, said: /good under gdb-capture[\s\S]*gdb[\s\S]*healthy/.test(stdout) }).toEqual({
      status: 0,
      said: true,
    });
    expect(readdirSync(dir)).toEqual(["ffi-doctor.config.json"]);
  });

  it("keeps secrets of its commands to itself", () => {
    const { ci } = project([{ name: "secret", command: ["sh", "-c", "exit 0", "x", "--password", "hunter2222"] }]);
    expect(JSON.stringify(ci().report)).not.toContain("hunter2222");
  });
});

describe("before anything is started", () => {
  it.each([
    [[{ name: "a", command: ["nosuchcommand"] }], [], "runs[0].command: no such command: nosuchcommand"],
    [
      [{ name: "a", command: [process.execPath, "-e", "0"], with: ["cgocheck"] }],
      [],
      "runs[0].with: --with cgocheck is for go",
    ],
    [[{ name: "a", command: ["true"], cwd: "none" }], [], "runs[0].cwd: there is no folder"],
    [[{ name: "a", command: ["true"] }], ["--only", "b"], "has no run b"],
    [[{ name: "a", command: ["true"] }], ["--baseline", "none.json"], "the baseline none.json is not there"],
    [[{ name: "a", command: ["true"] }], ["--baseline", "ffi-doctor.config.json"], "is no report.json"],
    [[{ name: "a", command: ["true"] }], ["--update-baseline"], "no baseline is named"],
    [[{ name: "a", command: ["true"] }], ["--update-baseline", "--baseline", "b", "--only", "a"], "exclude each other"],
    [[{ name: "a", command: ["true"] }], ["--config", "none.json"], "the configuration none.json is not there"],
    [[{ name: "a", command: ["true"], instruments: [] }], [], "runs[0].instruments: it is empty"],
  ])("%j %j: status 2", (runs, args, said) => {
    const { ci, dir } = project(runs);
    const { status, stderr } = ci(...args);
    expect({ status, said: stderr.split("\n")[0] }).toEqual({ status: 2, said: expect.stringContaining(said) });
    expect(readdirSync(dir)).toEqual(["ffi-doctor.config.json"]);
  });

  it("a folder that holds something is refused", () => {
    const { dir } = project([{ name: "a", command: ["true"] }]);
    expect(doctor(["ci", "--out", dir], { cwd: dir })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("is not empty"),
    });
  });

  it("a tool that is missing leaves the question open", () => {
    const { ci } = project([{ name: "a", command: ["true"], env: { FFI_DOCTOR_GDB: "/no/such/gdb" } }]);
    const { status, report } = ci();
    expect({ status, verdict: report?.verdict }).toEqual({ status: 3, verdict: "inconclusive" });
    expect(report?.obstacles[0]?.what).toContain("a under gdb-capture: ");
  });
});

describe("a baseline", () => {
  it("makes what is known no failure; what is new is one, and what is gone is said", () => {
    const bad = { name: "bad", command: broken("null-dereference") };
    const { ci, write, dir } = project([bad], { baseline: "known.json" });
    expect(ci()).toMatchObject({ status: 2, stderr: expect.stringContaining("--update-baseline") });
    const first = ci("--update-baseline");
    expect(first.report?.run.jobs?.[0]?.counts).toEqual({ new: 0, known: 1, suppressed: 0 });
    expect({
      status: first.status,
      told: first.stderr.includes("known.json is the new baseline, with 1 finding"),
    }).toEqual({ status: 0, told: true });
    expect(readFileSync(join(dir, "known.json"), "utf8")).not.toContain(dir);

    const known = ci();
    expect(known).toMatchObject({ status: 0, report: { findings: [{ known: true }], baseline: { gone: [] } } });
    expect(known.stderr).toContain("1 finding, none of them new");

    write([bad, { name: "worse", command: broken("bus-error") }]);
    const more = ci();
    expect(more.status).toBe(1);
    expect(more.report?.findings.map(({ code, known: old }) => [code, old === true])).toEqual([
      ["bus-error", false],
      ["null-dereference", true],
    ]);

    write([{ name: "bad", command: healthy }]);
    const mended = ci();
    expect(mended).toMatchObject({ status: 0, report: { verdict: "clean", baseline: { file: "known.json" } } });
    expect(mended.report?.baseline?.gone.map(({ code }) => code)).toEqual(["null-dereference"]);
    expect(mended.stderr).toMatch(/Gone since the baseline known.json\n {2}- null-dereference: /);

    expect(ci("--update-baseline").status).toBe(0);
    expect(ci().report?.baseline?.gone).toEqual([]);
  });

  it("is no answer for a run that could not be looked at, nor is anything gone then", () => {
    const bad = { name: "bad", command: broken("null-dereference") };
    const { ci, write } = project([bad], { baseline: "known.json" });
    ci("--update-baseline");
    write([{ ...bad, command: ["sh", "-c", "exit 5"] }]);
    const { status, report } = ci();
    expect({ status, gone: report?.baseline?.gone }).toEqual({ status: 3, gone: [] });
    expect(report?.notices?.join()).toContain("may still be there");
    const refused = ci("--update-baseline");
    expect(refused).toMatchObject({ status: 3, stderr: expect.stringContaining("the baseline was not written") });
  });

  it("serves gdb-capture and report, too", () => {
    const { ci, dir } = project([{ name: "bad", command: broken("null-dereference") }]);
    const { out } = ci();
    const baseline = join(out, "report.json");
    const run = (command: string[], ...more: string[]) =>
      doctor(["gdb-capture", "--exit-code", "doctor", "--baseline", baseline, ...more, "--", ...command], { cwd: dir });
    expect(run(broken("null-dereference"), "--out", join(dir, "same")).status).toBe(0);
    expect(run(broken("bus-error"), "--out", join(dir, "other"))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("Gone since the baseline"),
    });
    expect(doctor(["report", "--baseline", baseline, join(dir, "same")]).status).toBe(0);
    expect(doctor(["report", "--baseline", baseline, join(dir, "other")]).status).toBe(1);
    expect(doctor(["report", join(dir, "same")]).status).toBe(1);
  });
});

describe("suppressions", () => {
  const runs = [{ name: "bad", command: broken("null-dereference") }];
  const reason = "the vendor mends it";

  it("take a finding out of the verdict, with the reason; the expired do not, and are told", () => {
    const { ci, write } = project(runs, {
      suppressions: [{ module: "libnull-*.so", reason, expires: "2999-12-31" }],
    });
    const { status, report, stderr } = ci();
    expect({ status, verdict: report?.verdict }).toEqual({ status: 0, verdict: "clean" });
    expect(report?.suppressed).toMatchObject([{ code: "null-dereference", reason, expires: "2999-12-31" }]);
    expect(stderr).toContain("bad under gdb-capture: 1 suppressed");
    expect(stderr).toContain(reason);

    write(runs, { suppressions: [{ code: "null-dereference", reason, expires: "2020-01-01" }] });
    const late = ci();
    expect(late).toMatchObject({ status: 1, stderr: expect.stringContaining("expired on 2020-01-01") });

    write(runs, { suppressions: [{ code: "abort", reason, expires: null }] });
    expect(ci()).toMatchObject({ status: 1, stderr: expect.stringContaining("matched nothing: remove it") });
  });
});

describe("the job for any shell", () => {
  it("runs as it is in a project with a broken library: known passes, new fails, gone is said", () => {
    const dir = scratch();
    mkdirSync(join(dir, "node_modules/.bin"), { recursive: true });
    symlinkSync(main, join(dir, "node_modules/.bin/ffi-doctor"));
    writeFileSync(join(dir, "package.json"), "{}");
    const compile = (...args: string[]): void => {
      const made = spawnSync("gcc", ["-g", "-O0", ...args], { cwd: dir, encoding: "utf8" });
      expect({ status: made.status, stderr: made.stderr }).toEqual({ status: 0, stderr: "" });
    };
    const build = (first: string, second: string): void => {
      writeFileSync(
        join(dir, "shelf.c"),
        `int count(int *shelf) { return ${first}; }\nint weigh(int *shelf) { return ${second}; }\n`,
      );
      compile("-Wno-unused", "-shared", "-fPIC", "-o", "libshelf.so", "shelf.c");
    };
    writeFileSync(
      join(dir, "app.c"),
      `#include <dlfcn.h>
       int main(int argc, char **argv)
       {
           int (*ask)(int *) = (int (*)(int *))dlsym(dlopen("./libshelf.so", RTLD_NOW), argv[argc - 1]);
           return ask(0);
       }
      `,
    );
    compile("-o", "app", "app.c", "-ldl");
    writeFileSync(
      join(dir, "ffi-doctor.config.json"),
      JSON.stringify({
        lib: ["libshelf.so"],
        baseline: "ffi-doctor.baseline.json",
        runs: ["count", "weigh"].map((name) => ({
          name,
          command: ["./app", name],
          instruments: ["gdb-capture"],
        })),
      }),
    );
    const job = () => spawnSync(join(root, "docs/ci/job.sh"), { cwd: dir, encoding: "utf8", timeout: 90_000 });
    build("*shelf", "0");
    expect(doctor(["ci", "-q", "--update-baseline"], { cwd: dir }).status).toBe(0);

    const known = job();
    expect({ status: known.status, said: known.stdout }).toEqual({ status: 0, said: "ffi-doctor: nothing new\n" });
    expect(known.stderr).toContain("count under gdb-capture: 1 in the baseline");

    build("*shelf", "*shelf");
    const fresh = job();
    expect(fresh.status).toBe(1);
    expect(fresh.stderr).toContain("2 findings, 1 of them new");
    expect(fresh.stdout).toContain("--update-baseline");
    expect(readFileSync(join(dir, "ffi-doctor-ci/junit.xml"), "utf8")).toContain('failures="1"');

    build("0", "0");
    const gone = job();
    expect(gone.status).toBe(0);
    expect(gone.stderr).toMatch(/Gone since the baseline ffi-doctor.baseline.json\n {2}- null-dereference: .*count/);
    expect(readFileSync(join(dir, "ffi-doctor-ci/summary.md"), "utf8")).toContain("Gone since the baseline");
  });
});
