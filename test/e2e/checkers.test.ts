import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { captured, cleanUp, doctor, root } from "./doctor.js";

const fixtures = join(root, "fixtures/checkers");
const build = join(fixtures, "build");
const java = ["java", "-cp", build, `-Djava.library.path=${build}`, "Misuse"];

afterEach(cleanUp);

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
