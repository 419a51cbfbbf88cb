import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { captured, cleanUp, doctor, libraries, observed, root } from "./doctor.js";
import { hosts } from "./hosts.js";

const fixtures = join(root, "fixtures/checkers");
const build = join(fixtures, "build");
const java = ["java", "-cp", build, `-Djava.library.path=${build}`, "Misuse"];

afterEach(cleanUp);

describe("a JVM's own report of its death", () => {
  const host = hosts.find(({ name }) => name === "java");
  const command = ["--", ...(host?.command ?? []), "stale-handle"];
  const env = { LD_LIBRARY_PATH: join(libraries, "stale-handle") };

  it("is kept with the run, and said beside the finding", () => {
    const { report, runDir } = captured(command, { env });
    const pid = report?.findings[0]?.pid;
    expect(report?.findings[0]?.evidence.at(-1)).toMatch(
      /the JVM's error report \(raw\/gdb-0\/hs_err_pid\d+\.log\) .*libffi_doctor_store/,
    );
    expect(readFileSync(join(runDir, `raw/gdb-0/hs_err_pid${pid}.log`), "utf8")).toContain("# Problematic frame:");
  });

  it("is not needed: Java's frames are there without it", () => {
    const quiet = [
      command[0] ?? "",
      command[1] ?? "",
      "-XX:ErrorFile=/nonexistent/hs_err",
      "-XX:+SuppressFatalErrorMessage",
      ...command.slice(2),
    ];
    const { report } = captured(quiet, { env });
    const frames = report?.findings[0]?.stacks[0]?.frames.filter(({ language }) => language === "java") ?? [];
    expect(frames.map(({ function: name }) => name).slice(0, 4)).toEqual([
      "inventory.Store.get",
      "inventory.Compaction.readBlock",
      "inventory.Compaction.flushSegment",
      "inventory.Compaction.compactLevel",
    ]);
    expect(frames[1]).toMatchObject({ file: "Compaction.java", line: expect.any(Number), side: "script" });
  });
});

describe("--with", () => {
  it.each([
    ["cgocheck", [join(build, "checkers-go")], "go-pointer-rule", "host", /^GODEBUG=/],
    ["xcheck-jni", java, "jni-misuse", "library", /^-Xcheck:jni$/],
    [
      "python-malloc",
      ["python3", join(fixtures, "overrun.py")],
      "heap-buffer-overflow",
      "unknown",
      /^PYTHONMALLOC=debug$/,
    ],
    ["python-dev", ["python3", join(fixtures, "overrun.py")], "heap-buffer-overflow", "unknown", /^PYTHONDEVMODE=1$/],
    [
      "node-abort",
      [process.execPath, join(fixtures, "uncaught.mjs")],
      "abort",
      "host",
      /--abort-on-uncaught-exception/,
    ],
  ])(
    "%s: what the host's own checker finds becomes a finding, and its healthy twin is clean",
    (checker, command, code, blame, told) => {
      const { report, status } = captured(["--with", checker, "--", ...command, "broken"]);
      expect({ status, findings: report?.findings }).toMatchObject({ status: 1, findings: [{ code, blame }] });
      expect(report?.run.interventions.map(({ what }) => what)).toEqual(
        expect.arrayContaining([expect.stringMatching(told)]),
      );
      const healthy = captured(["--with", checker, "--", ...command, "healthy"]);
      expect({ status: healthy.status, findings: healthy.report?.findings }).toEqual({ status: 0, findings: [] });
    },
  );

  it("is off unless asked for", () => {
    const { report } = captured(["--", ...java, "healthy"]);
    expect(report?.run.interventions).toEqual([]);
  });

  it("of another runtime, or of none, is refused in a sentence", () => {
    expect(doctor(["gdb-capture", "--with", "xcheck-jni", "--", process.execPath, "-e", "0"])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/--with xcheck-jni is for java, and .* is node/),
    });
    expect(doctor(["gdb-capture", "--with", "everything", "--", "true"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("It is one of cgocheck, xcheck-jni"),
    });
    expect(doctor(["gdb-capture", "--with", "python-dev", "--attach", "1"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("runs already"),
    });
  });
});

describe("a host that asks libc itself for free", () => {
  it("lives under AddressSanitizer, as what it frees is the sanitizer's", () => {
    const program = `import ctypes
c, d = ctypes.CDLL("libc.so.6"), ctypes.CDLL(None)
c.free.argtypes, d.strdup.restype = [ctypes.c_void_p], ctypes.c_void_p
for _ in range(20): c.free(d.strdup(b"x" * 100))
print("fine")`;
    const { status, stdout, report } = observed("asan", ["--", "python3", "-c", program]);
    expect({ status, stdout, findings: report?.findings }).toEqual({ status: 0, stdout: "fine\n", findings: [] });
  });
});
