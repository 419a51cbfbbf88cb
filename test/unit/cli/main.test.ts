import { spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findingCodes } from "../../../src/model/finding-code.js";

/** The built command line: `npm run build` makes it. */
const main = join(import.meta.dirname, "../../../dist/cli/main.js");
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../../package.json"), "utf8")) as {
  version: string;
};

let cwd = "";
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "ffi-doctor-cli-"));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

function doctor(...args: string[]) {
  return spawnSync(process.execPath, [main, ...args], { cwd, encoding: "utf8", timeout: 20_000 });
}

describe("wrong usage ends with 2, a sentence and no stack trace", () => {
  it.each([
    [["frobnicate"], "there is no verb frobnicate"],
    [["gdb-capture"], "there is nothing to run"],
    [["gdb-capture", "--"], "there is nothing to run"],
    [["gdb-capture", "--demo", "healthy", "--", "true"], "exclude each other"],
    [["gdb-capture", "--attach", "1", "--", "true"], "exclude each other"],
    [["gdb-capture", "--attach", "1", "--demo"], "exclude each other"],
    [["gdb-capture", "--demo", "no-such-twin"], "there is no twin no-such-twin"],
    [["gdb-capture", "--attach", "abc"], "--attach"],
    [["gdb-capture", "--timeout", "0", "--", "true"], "--timeout"],
    [["gdb-capture", "--timeout", "1h", "--", "true"], "--timeout"],
    [["gdb-capture", "--repeat", "1.5", "--", "true"], "--repeat"],
    [["gdb-capture", "--format", "xml", "--", "true"], "--format"],
    [["gdb-capture", "--fail-on", "never", "--", "true"], "--fail-on"],
    [["gdb-capture", "--exit-code", "mine", "--", "true"], "--exit-code"],
    [["gdb-capture", "--no-such-option", "--", "true"], "--no-such-option"],
    [["report"], "run-dir"],
    [["report", "no-such-directory"], "no such run directory"],
    [["explain", "no-such-code"], "there is no finding code no-such-code"],
    [["env", "--format", "xml"], "--format"],
    [["store", "frobnicate"], "frobnicate"],
  ])("%j", (args, said) => {
    const { status, stdout, stderr } = doctor(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(said);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(readdirSync(cwd)).toEqual([]);
  });

  it("says what it was given harmlessly", () => {
    const { status, stderr } = doctor("x\u001b[31m\u202e");
    expect(status).toBe(2);
    expect(stderr).toContain("x\\x1b[31m\\u{202e}");
  });

  it("suggests the nearest finding code", () => {
    expect(doctor("explain", "null-derefrence").stderr).toContain("did you mean null-dereference?");
  });
});

describe("what starts no target", () => {
  it("shows the help without a verb", () => {
    const { status, stdout } = doctor();
    expect(status).toBe(0);
    expect(stdout).toContain("Usage: ffi-doctor");
  });

  it("tells the version, alone", () => {
    expect(doctor("--version")).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("explains every code, and lists them", () => {
    const { status, stdout } = doctor("explain");
    expect(status).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(findingCodes.length);
    expect(doctor("explain", "double-free").stdout).toContain("CWE-415");
  });

  it("plans without running, the target's options its own", () => {
    const { status, stdout } = doctor("gdb-capture", "--dry-run", "--format", "json", "true", "--timeout", "x", "-v");
    expect(status).toBe(0);
    const { plan } = JSON.parse(stdout) as { plan: { steps: { target: string[] }[] } };
    expect(plan.steps.map(({ target }) => target)).toEqual([["true", "--timeout", "x", "-v"]]);
    expect(readdirSync(cwd)).toEqual([]);
  });

  it("surveys the machine as JSON", () => {
    const { status, stdout } = doctor("env", "--format", "json");
    const told = JSON.parse(stdout) as { usable: boolean; instruments: { name: string }[] };
    expect(status).toBe(told.usable ? 0 : 3);
    expect(told.instruments.map(({ name }) => name)).toContain("gdb-capture");
  });
});

describe("the pages of docs/commands", () => {
  it.each(["gdb-capture", "ci", "report", "env", "explain", "store"])("%s: has every option of its help", (verb) => {
    const page = readFileSync(join(import.meta.dirname, `../../../docs/commands/${verb}.md`), "utf8");
    const options = [...doctor(verb, "--help").stdout.matchAll(/^ {2}.*?(--[a-z][a-z-]+)/gm)].map(([, name]) => name);
    expect(options).toContain("--help");
    expect(options.filter((name) => name !== "--help" && !page.includes(`\`${name}`))).toEqual([]);
    expect(page).toContain("## Exit status");
  });
});

describe("standard output that takes no more", () => {
  it("is no finding when the disk is full", () => {
    const { status, stderr } = spawnSync(process.execPath, [main, "explain"], {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", openSync("/dev/full", "w"), "pipe"],
    });
    expect(status).toBe(2);
    expect(stderr).toContain("ENOSPC");
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it("is no error when the reader went away", () => {
    const { stderr } = spawnSync("bash", ["-c", '"$0" "$1" explain | true', process.execPath, main], {
      cwd,
      encoding: "utf8",
    });
    expect(stderr).toBe("");
  });
});
