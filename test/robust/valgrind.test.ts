import { spawn, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Report } from "../../src/model/report.js";
import { cleanUp, doctor, main, observed, root, scratch } from "../e2e/doctor.js";

const host = join(root, "fixtures/memory/build/host");
const lib = (name: string): string => join(root, `fixtures/memory/build/lib${name}.so`);

afterEach(cleanUp);

/** A valgrind that does what the script says. */
function fake(script: string): NodeJS.ProcessEnv {
  const file = join(scratch(), "valgrind");
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return { FFI_DOCTOR_VALGRIND: file };
}

describe("valgrind cannot be used", () => {
  it.each([
    [
      "is missing",
      { FFI_DOCTOR_VALGRIND: "", PATH: "/nonexistent" },
      /cannot be used here/,
      "apt-get install -y valgrind",
    ],
    [
      "is a wrong path",
      { FFI_DOCTOR_VALGRIND: "/nonexistent/valgrind" },
      /cannot be used here/,
      "apt-get install -y valgrind",
    ],
    [
      "is too old for its options",
      () => fake("echo 'valgrind: Unknown option: --keep-debuginfo=yes' >&2; exit 1"),
      /ended with status 1 and left no recording/,
      "3.16 or newer",
    ],
    ["is killed", () => fake("kill -SEGV $$"), /ended by SIGSEGV and left no recording/, "valgrind --version"],
  ] as const)("because it %s: status 3, one sentence, and the target was not run", (_name, env, said, mend) => {
    const marker = join(scratch(), "ran");
    const { status, stdout, stderr, report } = observed("valgrind", ["--", "/usr/bin/touch", marker], {
      env: typeof env === "function" ? env() : env,
    });
    expect(stderr).toMatch(said);
    expect(stderr).toContain(mend);
    expect({ status, stdout, ran: existsSync(marker), verdict: report?.verdict }).toEqual({
      status: 3,
      stdout: "",
      ran: false,
      verdict: "inconclusive",
    });
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it.each([
    ["died of an assertion", "valgrind: the 'impossible' happened:", "valgrind itself gave up"],
    ["could not read a file", "Valgrind: debuginfo reader: ensure_valid failed:", "cannot read the debug information"],
  ])("because it %s: an obstacle, never clean", (_name, words, said) => {
    const script = [
      "for word; do case $word in --log-file=*) log=$(echo $word | cut -d= -f2-);; --xml-file=*) xml=$(echo $word | cut -d= -f2-);; esac; done",
      `printf -- '--1-- Reading syms from /no/such/lib.so\\n==1== %s\\n' "${words}" > "$log"`,
      'printf "<?xml version=\\"1.0\\"?>\\n<valgrindoutput>\\n<pid>1</pid>\\n" > "$(echo "$xml" | sed s/%p/$$/)"',
      "exit 1",
    ].join("\n");
    const { status, stderr, report } = observed("valgrind", ["--", "/bin/true"], { env: fake(script) });
    expect({ status, verdict: report?.verdict }).toEqual({ status: 3, verdict: "inconclusive" });
    expect(stderr).toContain(said);
  });
});

describe("usage", () => {
  it.each([
    [["valgrind"], "nothing to run"],
    [["valgrind", "--scope", "some", "--", "true"], "scope"],
    [["valgrind", "--origins", "sometimes", "--", "true"], "origins"],
    [["valgrind", "--with", "jemalloc", "--", "true"], "no use under valgrind"],
    [["valgrind", "--", "no-such-command-here"], "no such command"],
  ])("%j: status 2 and one clear sentence", (args, said) => {
    const { status, stderr } = doctor(args);
    expect(status).toBe(2);
    expect(stderr).toContain(said);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it("--dry-run shows both steps, and starts nothing", () => {
    const dir = scratch();
    const { status, stdout } = doctor(["valgrind", "--dry-run", "--", "/usr/bin/touch", join(dir, "ran")], {
      cwd: dir,
    });
    expect(status).toBe(0);
    expect(stdout).toMatch(/step valgrind-0:[\s\S]*step valgrind-origins-0:[\s\S]*--track-origins=yes/);
    expect(existsSync(join(dir, "ran"))).toBe(false);
  });
});

describe("the target under valgrind", () => {
  it("keeps its arguments, however they look, and its status", () => {
    const dir = scratch();
    const words = ["a<b>&\"'", "]]>", "--leak-check=no", "x\u0001\ny", "%p", "{stepDir}"];
    const { status, stdout, report } = observed("valgrind", ["--", "/usr/bin/printf", "%s|", ...words], { cwd: dir });
    expect({ status, stdout, verdict: report?.verdict }).toEqual({
      status: 0,
      stdout: words.map((word) => `${word}|`).join(""),
      verdict: "clean",
    });
    expect(observed("valgrind", ["--", "sh", "-c", "exit 7"]).status).toBe(7);
  });

  it("gets the signals that ffi-doctor gets, and its errors are kept", async () => {
    const out = join(scratch(), "run");
    const script = `import ctypes, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
ctypes.CDLL(${JSON.stringify(lib("heap-buffer-overflow"))}).entry(1)
print("ready", flush=True)
time.sleep(60)`;
    const child = spawn(process.execPath, [main, "valgrind", "--out", out, "--", "/usr/bin/python3", "-c", script], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill("SIGTERM");
    const status = await new Promise((resolve) => child.on("close", resolve));
    const report = Report.parse(JSON.parse(readFileSync(join(out, "report.json"), "utf8")));
    expect({ status, exit: report.run.outcome.exitCode }).toEqual({ status: 1, exit: 9 });
    expect(report.findings.map(({ code }) => code)).toEqual(["heap-buffer-overflow"]);
  });

  it("is ended at the time limit with its descendants; what it had done wrong by then is told", () => {
    const mark = `ffid-${process.pid}-${Date.now()}`;
    const script = `${host} ${lib("heap-use-after-free")} broken; exec -a ${mark} sleep 100`;
    const { status, report } = observed("valgrind", ["--timeout", "6", "--", "bash", "-c", script]);
    expect({ status, timedOut: report?.run.outcome.timedOut }).toEqual({ status: 1, timedOut: true });
    expect(report?.findings.map(({ code }) => code)).toEqual(["heap-use-after-free"]);
    expect(spawnSync("pgrep", ["-f", mark]).status).toBe(1);
  });

  it("that never ends and did nothing wrong: status 3", () => {
    const { status, report } = observed("valgrind", ["--timeout", "2", "--", "sleep", "100"]);
    expect({ status, verdict: report?.verdict }).toEqual({ status: 3, verdict: "inconclusive" });
  });

  it("may be linked statically, which is said: valgrind then knows none of its blocks", () => {
    const program = join(scratch(), "static");
    expect(
      spawnSync("gcc", ["-static", "-o", program, "-x", "c", "-"], { input: "int main(void) { return 0; }" }).status,
    ).toBe(0);
    const { status, stderr, report } = observed("valgrind", ["--", program]);
    expect({ status, findings: report?.findings }).toEqual({ status: 3, findings: [] });
    expect(stderr).toContain("is linked statically");
  });

  it("may be setuid, which valgrind does not run", () => {
    const program = join(scratch(), "setuid");
    copyFileSync("/bin/true", program);
    chmodSync(program, 0o4755);
    const { status, stderr } = observed("valgrind", ["--", program]);
    expect(status).toBe(3);
    expect(stderr).toContain("is setuid or setgid");
  });
});

describe("processes that the target starts", () => {
  it.each([
    ["a shell", ["sh", "-c", `${host} ${lib("heap-use-after-free")} broken; exit 9`]],
    ["a shell that executes", ["sh", "-c", `exec ${host} ${lib("heap-use-after-free")} broken`]],
    ["two at a time", ["sh", "-c", `${host} ${lib("heap-use-after-free")} broken | cat`]],
  ])("are followed through %s", (_name, command) => {
    const { report } = observed("valgrind", ["--", ...command]);
    expect(report?.findings.map(({ code, pid }) => [code, typeof pid])).toEqual([["heap-use-after-free", "number"]]);
    expect(report?.run.processes.some((one) => one.command[0] === host)).toBe(true);
  });

  it("what one did before it became another program is not lost", () => {
    const script = "import ctypes, os, sys; ctypes.CDLL(sys.argv[1]).entry(1); os.execv('/bin/true', ['true'])";
    const { status, report } = observed("valgrind", [
      "--",
      "/usr/bin/python3",
      "-c",
      script,
      lib("heap-buffer-overflow"),
    ]);
    expect({ status, codes: report?.findings.map(({ code }) => code) }).toEqual({
      status: 1,
      codes: ["heap-buffer-overflow"],
    });
  });
});
