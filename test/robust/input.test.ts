import { spawn, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { captured, cleanUp, doctor, main, root, scratch } from "../e2e/doctor.js";

const host = join(root, "fixtures/cases/build/host");
const lib = (name: string): string => join(root, `fixtures/cases/build/lib${name}.so`);

afterEach(cleanUp);

describe("a command that cannot be run", () => {
  const dir = (): string => {
    const made = scratch();
    writeFileSync(join(made, "plain.txt"), "hello\n");
    writeFileSync(join(made, "text"), "echo hello\n", { mode: 0o755 });
    writeFileSync(join(made, "lost.sh"), "#!/no/such/interpreter\n", { mode: 0o755 });
    writeFileSync(join(made, "cut"), readFileSync("/bin/true").subarray(0, 40), { mode: 0o755 });
    writeFileSync(join(made, "empty"), "", { mode: 0o755 });
    return made;
  };

  it.each([
    ["is not there", ["nosuchcommand"], "no such command: nosuchcommand"],
    ["is a path that is not there", ["./missing"], "no such command: ./missing"],
    ["is not executable", ["./plain.txt"], "./plain.txt is not executable"],
    ["is a directory", ["./"], "./ is a directory"],
    ["is a script without #!", ["./text"], "neither a program for this system nor a script with a #! line"],
    ["is a script whose interpreter is missing", ["./lost.sh"], "asks for the interpreter /no/such/interpreter"],
    ["is a program that is cut short", ["./cut"], "neither a program"],
    ["is empty", ["./empty"], "neither a program"],
    ["is nothing at all", [""], "no command to run"],
    ["is a directory of PATH", ["."], "no such command: ."],
  ])("because it %s: status 2, one sentence, the way out", (_name, command, said) => {
    const { status, stdout, stderr, report } = captured(["--", ...command], { cwd: dir() });
    expect(stderr).toContain(said);
    expect(stderr.trim().split("\n")).toHaveLength(2);
    expect({ status, stdout, report }).toEqual({ status: 2, stdout: "", report: null });
  });
});

describe("wrong usage", () => {
  it.each([
    [["gdb-capture"], /nothing to run\n.*put a command after --/],
    [["gdb-capture", "--demo", "--", "ls"], /exclude each other/],
    [["gdb-capture", "--attach", "1", "--", "ls"], /exclude each other/],
    [["gdb-capture", "--demo", "nosuchtwin"], /no twin nosuchtwin/],
    [["gdb-capture", "--attach", "x"], /process id/],
    [["gdb-capture", "--timeout", "0", "--", "ls"], /number of seconds/],
    [["gdb-capture", "--timeout", "-1", "--", "ls"], /number of seconds/],
    [["gdb-capture", "--repeat", "1.5", "--", "ls"], /whole number/],
    [["gdb-capture", "--format", "yaml", "--", "ls"], /one of terminal, json/],
    [["gdb-capture", "--fail-on", "never", "--", "ls"], /one of error, warning, note/],
    [["gdb-capture", "--nosuchflag", "--", "ls"], /unknown option/],
    [["nosuchverb"], /no verb nosuchverb/],
    [["run"], /nothing to run/],
    [["run", "--heap", "most", "--", "ls"], /choices are off, poison, guard/],
    [["report"], /missing required argument/],
    [["explain", "null-pointer"], /no finding code null-pointer\n.*null-dereference/],
  ])("%j ends with 2 and says why", (args, said) => {
    const { status, stdout, stderr } = doctor(args);
    expect(stderr).toMatch(said);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it("refuses a run directory that is not empty, and leaves it as it was", () => {
    const dir = scratch();
    writeFileSync(join(dir, "precious"), "x");
    const { status, stderr } = doctor(["gdb-capture", "--out", dir, "--", "/bin/true"]);
    expect({ status, kept: readFileSync(join(dir, "precious"), "utf8") }).toEqual({ status: 2, kept: "x" });
    expect(stderr).toContain("is not empty");
  });

  it("refuses a run directory that cannot be made", () => {
    const { status, stderr } = doctor(["gdb-capture", "--out", "/proc/nosuch/run", "--", "/bin/true"]);
    expect(status).toBe(2);
    expect(stderr).toContain("cannot write /proc/nosuch/run");
  });
});

describe("arguments of the target", () => {
  const echo = `process.stdout.write(JSON.stringify(process.argv.slice(1)))`;

  it("arrive as they are, whatever is in them", () => {
    const args = ["--out", "x", "a b", "", "$HOME", "`id`", "'\"\\", "\u001b[31m", "-v", "--", "\n"];
    const { stdout, status } = captured(["--", process.execPath, "-e", echo, "--", ...args]);
    expect({ status, args: JSON.parse(stdout) }).toEqual({ status: 0, args });
  });

  it("may be a megabyte", () => {
    const args = Array.from({ length: 1024 }, (_, i) => String(i).padEnd(1000, "x"));
    const { stdout, status, report } = captured(["--", process.execPath, "-e", echo, "--", ...args]);
    expect({ status, args: JSON.parse(stdout) }).toEqual({ status: 0, args });
    expect(report?.verdict).toBe("clean");
  });

  it("need no -- before a command that is no option", () => {
    const { stdout } = captured(["sh", "-c", "echo $0 $1", "--timeout", "--lib"]);
    expect(stdout).toBe("--timeout --lib\n");
  });
});

describe("names that a target chose", () => {
  it("never reach the terminal unescaped, and never end the report", () => {
    const dir = join(scratch(), "evil\u001b[2J\u202e\n#0 fake");
    mkdirSync(dir);
    const program = join(dir, "host\u001b]0;owned\u0007");
    const library = join(dir, "lib\u001b[31mx.so");
    copyFileSync(host, program);
    chmodSync(program, 0o755);
    copyFileSync(lib("null-dereference"), library);
    const { stderr, report, status } = captured(["--", program, library, "broken", "\u001b[5mblink"].slice(0, 4));
    expect(status).toBe(1);
    expect(report?.findings).toMatchObject([{ code: "null-dereference" }]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what must not be there
    expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });
});

describe("a run directory that is damaged", () => {
  function crashed(): string {
    return captured(["--", host, lib("null-dereference"), "broken"]).runDir;
  }

  it("says in one sentence that its manifest is cut", () => {
    const dir = crashed();
    truncateSync(join(dir, "manifest.json"), 100);
    const { status, stderr, stdout } = doctor(["report", dir]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^ffi-doctor: .*manifest\.json is damaged.*\n {2}.*\n$/);
  });

  it("says that it is of a newer version", () => {
    const dir = crashed();
    const manifest = join(dir, "manifest.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"version": 1', '"version": 99'));
    expect(doctor(["report", dir])).toMatchObject({ status: 2, stderr: expect.stringContaining("newer ffi-doctor") });
  });

  it.each([0.25, 0.5, 0.75, 0.97])("makes what it can of a recording cut at %d", (part) => {
    const dir = crashed();
    const recording = join(dir, "raw/gdb-0/gdb.jsonl");
    truncateSync(recording, Math.floor(readFileSync(recording).length * part));
    const { status, stderr, stdout } = doctor(["report", dir]);
    expect([1, 3]).toContain(status);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/Not seen|inconclusive/);
  });

  it("is not followed through a link", () => {
    const dir = crashed();
    const recording = join(dir, "raw/gdb-0/gdb.jsonl");
    spawnSync("mv", [recording, `${recording}.away`]);
    symlinkSync(`${recording}.away`, recording);
    expect(doctor(["report", dir]).status).toBe(2);
  });

  it("is no run directory at all", () => {
    expect(doctor(["report", "/nonexistent"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("no such run directory"),
    });
    expect(doctor(["report", scratch()])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("no manifest.json"),
    });
    expect(doctor(["report", host])).toMatchObject({ status: 2, stderr: expect.stringContaining("is a file") });
  });
});

describe("a disk that is full", () => {
  // Only root can make a disk this small; for others the rule is tested by /dev/full in test/unit/cli.
  it.skipIf(process.getuid?.() !== 0).each([4, 8, 28, 48])(
    "at %i KiB does not take the report from the user, nor say clean",
    (size) => {
      const dir = scratch();
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}k`, "tmpfs", dir]);
      expect(mounted.status, String(mounted.stderr)).toBe(0);
      try {
        const { status, stdout, stderr } = doctor([
          ...["gdb-capture", "--out", join(dir, "run"), "--", host, lib("null-dereference"), "broken"],
        ]);
        expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
        expect(stderr).toMatch(/cannot write .*: the disk is full\n {2}name another place with --out\n$/);
        expect(stderr).toMatch(/null-dereference|inconclusive/);
        expect(stderr).not.toContain("gdb-capture: clean");
      } finally {
        spawnSync("umount", [dir]);
      }
    },
  );
});

describe("streams", () => {
  it("keep the target's output apart from the report", () => {
    const { stdout, stderr } = captured(["--", "sh", "-c", "echo out; echo err >&2"]);
    expect(stdout).toBe("out\n");
    expect(stderr).toMatch(/^err\n[\s\S]*ffi-doctor gdb-capture: clean/);
  });

  it("are the report's alone with --format json", () => {
    const { stdout, stderr } = captured(["--format", "json", "--", "sh", "-c", "echo out"]);
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, verdict: "clean" });
    expect(stderr).toBe("out\n");
  });

  it("give the target its standard input", () => {
    const { stdout } = doctor(["gdb-capture", "-q", "--", "cat"], { input: "through\n" });
    expect(stdout).toBe("through\n");
  });

  it("may have no reader any more", async () => {
    const child = spawn(process.execPath, [main, "explain"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.on("data", (data: Buffer) => {
      stderr += data.toString();
    });
    const status = await new Promise((resolve) => child.on("close", resolve));
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("carry signals on to the target", async () => {
    const dir = scratch();
    const script = "trap 'echo got TERM; exit 6' TERM; echo ready; while :; do sleep 0.05; done";
    const child = spawn(
      process.execPath,
      [main, "gdb-capture", "-q", "--out", join(dir, "run"), "--", "bash", "-c", script],
      {
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    let stdout = "";
    child.stdout.on("data", (data: Buffer) => {
      const first = stdout === "";
      stdout += data.toString();
      if (first) {
        child.kill("SIGTERM");
      }
    });
    const status = await new Promise((resolve) => child.on("close", resolve));
    expect({ status, stdout }).toEqual({ status: 6, stdout: "ready\ngot TERM\n" });
  });
});
