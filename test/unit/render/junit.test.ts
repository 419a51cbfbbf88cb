import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Severity } from "../../../src/model/primitives.js";
import type { Report } from "../../../src/model/report.js";
import { renderJunit } from "../../../src/render/junit.js";
import { finding, hostile, report } from "./reports.js";
import { junitProblems } from "./schemas.js";

const junit = (given: Report, failOn: Severity = "error"): string => renderJunit(given, { showMemory: false, failOn });

describe("JUnit's XML", () => {
  it("is what the schema says, with findings, without, and for a run that could not answer", async () => {
    const obstacles = [{ what: "gdb cannot be used", why: "it is not installed", mend: null }];
    const texts = [
      junit(report()),
      junit(report({ findings: [] })),
      junit(report({ findings: [], verdict: "inconclusive", obstacles })),
    ];
    expect(await junitProblems(...texts)).toEqual([]);
    expect(await junitProblems("<testsuites/>")).not.toEqual([]);
  });

  it("has the command as a case, and each finding as one that fails", () => {
    const text = junit(report());
    expect(text).toMatch(/<testsuite [^>]*tests="2" failures="1" errors="0" skipped="0"/);
    expect(text).toMatch(/<failure message="null-dereference: Read through a null pointer, in stock_read"/);
    expect(text).toContain("#1 library  wh_count");
  });

  it("has no failure where the finding is below what fails, and an error where nothing could be told", () => {
    const warning = report({ findings: [finding({ severity: "warning" })] });
    expect(junit(warning)).toMatch(/failures="0" errors="0" skipped="1"/);
    expect(junit(warning, "warning")).toMatch(/failures="1" errors="0" skipped="0"/);
    const obstacles = [{ what: "gdb cannot be used", why: "it is not installed", mend: null }];
    expect(junit(report({ findings: [], verdict: "inconclusive", obstacles }))).toMatch(
      /failures="0" errors="1"[\s\S]*<error message="gdb cannot be used" type="inconclusive">/,
    );
  });

  it("has what is suppressed as a skipped case with its reason, and is valid with a time that is none", async () => {
    const suppressed = [
      { fingerprint: "f", code: "abort", title: "It gave up", reason: "known", expires: "2030-01-01" },
    ];
    const text = junit(
      report({ findings: [], suppressed, notices: ["one matches nothing"] }, { startedAt: "yesterday" }),
    );
    expect(text).toContain('name="abort: It gave up [f]"');
    expect(text).toContain('<skipped message="suppressed: known (until 2030-01-01)"/>');
    expect(text).toContain("to be noted: one matches nothing");
    expect(await junitProblems(text)).toEqual([]);
  });

  it("stays well formed whatever a target calls itself", async () => {
    const texts = fc.sample(fc.string({ unit: "binary", maxLength: 30 }), 40).map((text) => junit(hostile(text)));
    texts.push(junit(hostile("]]>\u0000\u0008\ufffe\uffff\ud800<!ENTITY x SYSTEM 'file:///etc/passwd'>&x;--><?x")));
    expect(await junitProblems(...texts)).toEqual([]);
  });
});
