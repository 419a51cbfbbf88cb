import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Report } from "../../src/model/report.js";
import { coreOf, looked } from "./cores.js";
import { cleanUp, doctor, libraries, root, scratch } from "./doctor.js";
import { hosts } from "./hosts.js";

afterAll(cleanUp);

const WILD = "0x18589091b1";

/** What kills each host is the same read in the library; what its runtime makes of it differs. */
const golden: { host: string; words?: (command: string[]) => string[]; env?: NodeJS.ProcessEnv; firstHand: boolean }[] =
  [
    { host: "c", firstHand: true },
    { host: "rust", firstHand: true },
    { host: "python", firstHand: true },
    { host: "python", words: ([python = "", ...rest]) => [python, "-X", "faulthandler", ...rest], firstHand: false },
    { host: "node", firstHand: false },
    { host: "java", words: ([java = "", ...rest]) => [java, "-Xmx64m", ...rest], firstHand: false },
    { host: "go", env: { GOTRACEBACK: "crash" }, firstHand: false },
    { host: "go-1.19", env: { GOTRACEBACK: "crash" }, firstHand: false },
  ];

function commandOf(host: string, words: (command: string[]) => string[] = (command) => command): string[] {
  const found = hosts.find(({ name }) => name === host);
  if (found === undefined) {
    throw new Error(`there is no ${host} host: npm run setup:test builds it`);
  }
  return words(found.command);
}

function firstOf(report: Report | null) {
  const finding = report?.findings[0];
  const frames = finding?.stacks[0]?.frames ?? [];
  return {
    code: finding?.code,
    verdict: finding?.evidence[0]?.split(":")[0],
    address: finding?.signal?.address,
    top: frames[0]?.function,
    boundary: frames.find(({ boundary }) => boundary)?.function,
    script: frames.filter(({ side }) => side === "script").length,
  };
}

describe.each(golden)("a core of the $host host, first-hand: $firstHand", ({ host, words, env, firstHand }) => {
  it("says so, and has the function, the address and the stack across the boundary", () => {
    const where = { LD_LIBRARY_PATH: join(libraries, "stale-handle"), ...env };
    const core = coreOf([...commandOf(host, words), "stale-handle"], where);
    const { status, report, stderr } = looked([core]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    const found = firstOf(report);
    expect(found).toMatchObject({
      code: "wild-pointer",
      verdict: `this core is ${firstHand ? "first" : "second"}-hand`,
      address: WILD,
      top: "ffi_doctor_store::ffi::stale::block_checksum",
      boundary: "ffi_doctor_store::ffi::data::fds_get",
    });
    // Without V8's own options JavaScript has no names, which is said.
    expect(found.script > 0).toBe(host !== "node");
    const spots = report?.coverage.flatMap(({ blindSpots }) => blindSpots.map(({ what }) => what)) ?? [];
    expect(spots.includes("names of JavaScript functions")).toBe(host === "node");
  });
});

describe("a Go core of which another thread died", () => {
  it("has the thread that aborted, its goroutine and its calls", () => {
    const env = { LD_LIBRARY_PATH: join(libraries, "double-free"), GOTRACEBACK: "crash" };
    const { report } = looked([coreOf([...commandOf("go-1.19"), "double-free"], env)]);
    const found = firstOf(report);
    expect(found).toMatchObject({ code: "double-free", boundary: "ffi_doctor_store::ffi::bytes::fds_free_bytes" });
    expect(report?.findings[0]?.capture?.threads.find(({ faulting }) => faulting)?.goroutine).toBeGreaterThan(0);
    expect(report?.findings[0]?.capture?.goroutines.some(({ state }) => state === "chan receive")).toBe(true);
  });
});

const handlers = join(import.meta.dirname, "crash-handlers.c");
let program = "";
beforeAll(() => {
  program = join(scratch(), "crash-handlers");
  const built = spawnSync("gcc", ["-g", "-O1", "-fno-optimize-sibling-calls", "-o", program, handlers, "-lpthread"]);
  expect(built.status).toBe(0);
});

describe.each([
  { how: "raise-again", found: "in the frame of a handler that had returned", top: "fault", address: WILD },
  { how: "raise-again-plain", found: "in the frame of a handler that had returned", top: "fault", address: WILD },
  { how: "raise-again-alternate", found: "in the frame of a handler that had returned", top: "fault", address: WILD },
  { how: "raise-again-odd", found: "handler that had returned", top: "fault", address: "0x4141414141414141" },
  { how: "raise-again-plain-odd", found: "handler that had returned", top: "fault", address: "0x4141414141414141" },
  { how: "raise-again-alternate-deep", found: "handler that had returned", top: "deep", address: null },
  { how: "abort", found: "below a signal trampoline", top: "fault", address: WILD },
  { how: "abort-alternate-deep", found: "below a signal trampoline", top: "deep", address: null },
  { how: "hand-over", found: "is the one that died", top: "fault", address: WILD },
])("a crash handler that does $how", ({ how, found, top, address }) => {
  it("does not hide the fault", () => {
    const { report, status } = looked([coreOf([program, how])]);
    const finding = report?.findings[0];
    expect(status).toBe(1);
    expect(finding?.code).toBe(top === "deep" ? "stack-overflow" : "wild-pointer");
    expect(finding?.evidence[0]).toContain("this core is second-hand");
    expect(finding?.evidence[0]).toContain(found);
    expect(finding?.stacks[0]?.frames[0]?.function).toBe(top);
    expect(address === null || finding?.signal?.address === address).toBe(true);
  });
});

describe("what is not as it was", () => {
  /** A program and a library of our own, so that they can be replaced. */
  function copied(): { folder: string; core: string; library: string; host: string } {
    const folder = scratch();
    const name = "libffi_doctor_store.so";
    mkdirSync(join(folder, "lib"));
    const library = join(folder, "lib", name);
    const host = join(folder, "host");
    copyFileSync(join(libraries, "stale-handle", name), library);
    copyFileSync(commandOf("c")[0] ?? "", host);
    const core = coreOf([host, "stale-handle"], { LD_LIBRARY_PATH: join(folder, "lib") });
    return { folder, core, library, host };
  }

  it("is said of a library that is another build now, and nothing is read from it", () => {
    const { core, library } = copied();
    copyFileSync(join(libraries, "double-free", "libffi_doctor_store.so"), library);
    const { report, stdout } = looked([core]);
    const finding = report?.findings[0];
    expect(finding?.stacks[0]?.frames.map((frame) => frame.function)).toEqual([null]);
    expect(finding?.stacks[0]?.truncated).toContain("is not here");
    expect(finding?.signal).toMatchObject({ address: WILD, insn: null });
    expect(finding?.blameReason).toContain("who called it is not known");
    expect(stdout.replace(/\s+/g, " ")).toContain("the file here is another build");
  });

  it("is said of a library that is gone", () => {
    const { core, library } = copied();
    rmSync(library);
    const { stdout, status } = looked([core]);
    expect(status).toBe(1);
    expect(stdout.replace(/\s+/g, " ")).toContain("there is no such file here (the core's has build id");
  });

  it("is said of a program that is another build, gone, or somewhere else", () => {
    const { core, host, folder } = copied();
    const other = looked([core, process.execPath]);
    expect(other.status).toBe(3);
    expect(other.report?.obstacles[0]?.what).toContain("is not the build that left the core");
    const moved = join(folder, "moved");
    copyFileSync(host, moved);
    rmSync(host);
    const gone = looked([core]);
    expect(gone.status).toBe(3);
    expect(gone.report?.obstacles[0]).toMatchObject({
      what: expect.stringContaining("the program that left the core is not here"),
      mend: expect.stringContaining("ffi-doctor core"),
    });
    expect(firstOf(looked([core, moved]).report)).toMatchObject({ code: "wild-pointer", script: 6 });
  });

  it("is said of a core that is cut, wherever that is", () => {
    const core = coreOf([...commandOf("c"), "stale-handle"], { LD_LIBRARY_PATH: join(libraries, "stale-handle") });
    const whole = readFileSync(core);
    for (const share of [0.97, 0.5, 0.1, 0.01, 0.001, 0.0001, 0]) {
      writeFileSync(core, whole);
      truncateSync(core, Math.floor(whole.length * share));
      const { status, stdout, stderr, report } = looked([core]);
      const text = stdout.replace(/\s+/g, " ");
      expect({ share, stderr, said: /cut|empty|not a core file/.test(text) }).toEqual({
        share,
        stderr: "",
        said: true,
      });
      expect([1, 3]).toContain(status);
      expect(report?.verdict).not.toBe("clean");
      expect(text).not.toContain("the thread is the library's own");
    }
  });
});

describe("a process that did not crash", () => {
  it("is no finding when somebody killed it", () => {
    const { report, status } = looked([coreOf(["sh", "-c", "(sleep 0.3; kill -QUIT $$) & exec sleep 20"])]);
    expect(status).toBe(3);
    expect(report?.findings).toEqual([]);
    expect(report?.obstacles[0]?.what).toMatch(/did not crash: SIGQUIT was sent to it by process \d+/);
    expect(report?.letGo).toHaveLength(1);
  });

  it("is said to have been alive when a debugger took its core", () => {
    const folder = scratch();
    const script = ["starti", `generate-core-file ${join(folder, "live")}`, "kill"].flatMap((line) => ["-ex", line]);
    spawnSync("gdb", ["-nx", "-batch", ...script, "/bin/true"], { timeout: 30_000 });
    const { report, status } = looked([join(folder, "live")]);
    expect(status).toBe(3);
    expect(report?.obstacles[0]?.what).toBe("the process had not died when this core was taken");
  });
});

it("is known to env where cores go, and how to get at one", () => {
  const { stdout } = doctor(["env", "--format", "json"]);
  const { cores, instruments } = JSON.parse(stdout) as {
    cores: { kind: string; fetch: string[] };
    instruments: { name: string }[];
  };
  expect(cores.fetch.join("\n")).toMatch(/ffi-doctor core|^$/);
  expect(instruments.map(({ name }) => name)).toContain("core");
  expect(doctor(["env", "--no-color"]).stdout).toMatch(/^cores: .+ulimit -c/m);
});

describe("what cannot be looked at", () => {
  it("is wrong usage where there is no such file", () => {
    const { status, stderr, report } = looked(["/nonexistent/core"]);
    expect({ status, report }).toEqual({ status: 2, report: null });
    expect(stderr).toContain("there is no file /nonexistent/core");
    expect(looked([root]).status).toBe(2);
    expect(looked([]).status).toBe(2);
  });

  it("is said in one sentence of a file that is no core", () => {
    const { status, report } = looked([process.execPath]);
    expect(status).toBe(3);
    expect(report?.obstacles[0]).toMatchObject({
      what: expect.stringContaining("is not a core file"),
      mend: expect.stringContaining("the core comes first, then the program"),
    });
  });

  it("is said where there is no gdb", () => {
    const core = coreOf([program, "abort"]);
    const { status, report } = looked([core], { env: { PATH: scratch() } });
    expect(status).toBe(3);
    expect(report?.obstacles[0]?.mend).toBe("apt-get install -y gdb");
  });

  it("is planned without being done", () => {
    const core = coreOf([program, "abort"]);
    const { status, stdout, report } = looked(["--dry-run", core]);
    expect({ status, report }).toEqual({ status: 0, report: null });
    expect(stdout).toContain("the build that left it; nothing is started");
  });
});
