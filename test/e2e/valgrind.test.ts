import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Finding } from "../../src/model/finding.js";
import { cleanUp, libraries, observed, root, scratch, type Told } from "./doctor.js";
import { hosts } from "./hosts.js";

const LONG = 200_000;
const build = join(root, "fixtures/memory/build");
const host = join(build, "host");
const lib = (name: string): string => join(build, `lib${name}.so`);

afterEach(cleanUp);

/** Runs a small host over a library of `fixtures/memory`; leaks are looked for as the library is named. */
function watched(name: string, way: "broken" | "healthy", options: readonly string[] = []): Told {
  return observed("valgrind", [...options, "--lib", `lib${name}.so`, "--", host, lib(name), way]);
}

const names = (finding: Finding | undefined, role: string): (string | null)[] =>
  finding?.stacks
    .find((stack) => stack.role === role)
    ?.frames.filter(({ side }) => side !== "system")
    .map((frame) => frame.function) ?? [];

interface Expected {
  code: string;
  blame: string;
  fault: string[];
  block?: { size: number; offset: number; state: string };
  other?: { role: string; names: string[] };
  status?: number;
}

const mistakes: Record<string, Expected> = {
  "heap-use-after-free": {
    code: "heap-use-after-free",
    blame: "library",
    fault: ["first_letter", "entry", "main"],
    block: { size: 64, offset: 4, state: "freed" },
    other: { role: "free", names: ["release", "entry", "main"] },
  },
  "heap-buffer-overflow": {
    code: "heap-buffer-overflow",
    blame: "library",
    fault: ["close_text", "entry", "main"],
    block: { size: 24, offset: 24, state: "live" },
  },
  "far-overflow": {
    code: "heap-buffer-overflow",
    blame: "library",
    fault: ["element", "entry", "main"],
    block: { size: 160, offset: 624, state: "live" },
  },
  "heap-buffer-underflow": {
    code: "heap-buffer-underflow",
    blame: "library",
    fault: ["trimmed", "entry", "main"],
    block: { size: 32, offset: -1, state: "live" },
  },
  "alloc-dealloc-mismatch": {
    code: "alloc-dealloc-mismatch",
    blame: "library",
    fault: ["release(char*, int)", "entry", "main"],
  },
  "double-free": {
    code: "double-free",
    blame: "library",
    fault: ["evict", "entry", "main"],
    other: { role: "free", names: ["give_back", "entry", "main"] },
  },
  "uninitialized-read": {
    code: "uninitialized-read",
    blame: "library",
    fault: ["decide", "entry", "main"],
    other: { role: "origin", names: ["make_options", "entry", "main"] },
  },
  // Both --lib and the first pass leave it out: no frame of the library is where the value is used.
  "decided-by-host": {
    code: "uninitialized-read",
    blame: "library",
    fault: ["main"],
    other: { role: "origin", names: ["make_options", "entry", "main"] },
  },
  // Severity warning: the status is the target's.
  "memory-leak": { code: "memory-leak", blame: "boundary", fault: ["keep", "entry", "main"], status: 0 },
  "forked-worker": {
    code: "heap-use-after-free",
    blame: "library",
    fault: ["work", "entry", "main"],
    block: { size: 64, offset: 8, state: "freed" },
  },
};

describe("a mistake with memory", () => {
  it("is expected for each fixture there is", () => {
    const built = readdirSync(build).flatMap((name) => /^lib(.*)\.so$/.exec(name)?.[1] ?? []);
    expect(built.sort()).toEqual(Object.keys(mistakes).sort());
  });

  it.each(Object.entries(mistakes))("%s is told with its place, its block and the other stacks", (name, expected) => {
    const { status, report, stderr } = watched(name, "broken");
    expect(
      report?.findings.map(({ code }) => code),
      stderr,
    ).toEqual([expected.code]);
    const finding = report?.findings[0];
    expect({ status, blame: finding?.blame, confidence: finding?.confidence }).toEqual({
      status: expected.status ?? 1,
      blame: expected.blame,
      confidence: "proved",
    });
    expect(names(finding, "fault")).toEqual(expected.fault);
    if (expected.block !== undefined) {
      expect(finding?.block).toMatchObject({ ...expected.block, allocator: "malloc" });
    }
    if (expected.other !== undefined) {
      expect(names(finding, expected.other.role)).toEqual(expected.other.names);
    }
  });

  it.each(Object.keys(mistakes))("%s has a healthy twin that is clean", (name) => {
    const { status, stdout, report } = watched(name, "healthy");
    expect({ status, stdout, verdict: report?.verdict }).toEqual({ status: 0, stdout: "host: 1\n", verdict: "clean" });
  });
});

describe("a second pass for origins", () => {
  it("is made in silence when values are left that nobody wrote; the target's output is shown once", () => {
    const { stdout, report, runDir } = watched("uninitialized-read", "broken");
    expect(stdout).toBe("host: 1\n");
    expect(readdirSync(join(runDir, "raw")).sort()).toEqual(["valgrind-0", "valgrind-origins-0"]);
    expect(report?.findings[0]?.occurrences).toEqual({ seen: 1, runs: 1 });
    expect(report?.run.processes).toHaveLength(1);
  });

  it.each([
    ["never", ["valgrind-0"], []],
    ["always", ["valgrind-0"], ["make_options", "entry", "main"]],
  ])("--origins %s: the steps are %j", (when, steps, origin) => {
    const { report, runDir } = watched("uninitialized-read", "broken", ["--origins", when]);
    expect(readdirSync(join(runDir, "raw"))).toEqual(steps);
    expect(names(report?.findings[0], "origin")).toEqual(origin);
  });
});

describe("what belongs to no library in question", () => {
  it("is counted, and shown with --scope all", () => {
    const args = ["--lib", "libm.so.6", "--", host, lib("heap-buffer-overflow"), "broken"];
    const library = observed("valgrind", args);
    expect(library.report?.findings).toEqual([]);
    expect(library.report?.coverage[0]?.notShown.map(({ count }) => count)).toEqual([1]);
    const all = observed("valgrind", ["--scope", "all", ...args]);
    expect(all.report?.findings.map(({ code }) => code)).toEqual(["heap-buffer-overflow"]);
  });

  it("leaks are not looked for without --lib, and that is said", () => {
    const { report } = observed("valgrind", ["--", host, lib("memory-leak"), "broken"]);
    expect(report?.verdict).toBe("clean");
    expect(report?.coverage[0]?.blindSpots.map(({ what }) => what)).toContain("leaks");
  });
});

describe("a sound host under valgrind", () => {
  const chosen = hosts.filter(({ name }) => ["c", "rust", "go", "node", "napi", "python", "java"].includes(name));

  it.each(chosen.map(({ name, command }) => [name, command] as const))(
    "%s is clean, with its own output and status, its runtime's noise counted",
    (name, command) => {
      const env = { LD_LIBRARY_PATH: join(libraries, "healthy") };
      const plain = spawnSync(command[0] ?? "", [...command.slice(1), "healthy"], {
        encoding: "utf8",
        env: { ...process.env, ...env },
        cwd: scratch(),
      });
      const { status, stdout, stderr, report } = observed(
        "valgrind",
        ["--lib", "libffi_doctor_store.so", "--", ...command, "healthy"],
        { env },
      );
      expect({ status, stdout, verdict: report?.verdict }, stderr).toEqual({
        status: plain.status,
        stdout: plain.stdout,
        verdict: "clean",
      });
      expect(report?.run.host.runtime).toBe(name === "napi" ? "node" : name);
    },
    LONG,
  );
});

describe("a program that handles its own faults", () => {
  it("computes under valgrind what it computes alone, and is clean", () => {
    const program = join(scratch(), "fault-and-return");
    const built = spawnSync("gcc", ["-g", "-O2", "-o", program, join(import.meta.dirname, "fault-and-return.c")]);
    expect(built.status).toBe(0);
    const plain = spawnSync(program, { encoding: "utf8" });
    const { status, stdout, report } = observed("valgrind", ["--", program]);
    expect({ status, stdout, findings: report?.findings }).toEqual({ status: 0, stdout: plain.stdout, findings: [] });
    expect(report?.coverage[0]?.notShown).toMatchObject([
      { what: expect.stringContaining("handler of the program's own") },
    ]);
  });

  it.each(["node", "java"])(
    "to die of one that valgrind has no address for: %s",
    (name) => {
      const command = hosts.find((one) => one.name === name)?.command ?? [];
      const { report, stderr } = observed("valgrind", ["--", ...command, "unaligned-read"], {
        env: { LD_LIBRARY_PATH: join(libraries, "unaligned-read") },
      });
      expect(
        report?.findings.map(({ code }) => code),
        stderr,
      ).toEqual(["misaligned-pointer"]);
      expect(names(report?.findings[0], "fault")[0]).toBe("ffi_doctor_store::magic::read");
    },
    LONG,
  );
});

describe("a library that a host calls", () => {
  const of = (name: string): string[] => hosts.find((one) => one.name === name)?.command ?? [];

  it.each([
    ["node", "off-by-one", "heap-buffer-overflow", "fds_last_error"],
    ["go", "argument-kept", "heap-use-after-free", "ffi_doctor_store::last_key::is_same"],
    ["python", "off-by-one", "heap-buffer-overflow", "fds_last_error"],
    ["rust", "double-free", "double-free", "ffi_doctor_store::hot::evict_hot_value"],
    ["java", "thread-local-runtime", "null-dereference", "ffi_doctor_store::runtime::Runtime::check_key"],
  ])(
    "from %s, with the mistake %s: %s in %s",
    (name, twin, code, place) => {
      const { report, stderr } = observed("valgrind", ["--", ...of(name), twin], {
        env: { LD_LIBRARY_PATH: join(libraries, twin) },
      });
      expect(report?.findings[0]?.code, stderr).toBe(code);
      expect(names(report?.findings[0], "fault")).toContain(place);
    },
    LONG,
  );
});

describe("files whose debug information this valgrind cannot read", () => {
  const made = (option: string): { dir: string; program: string } => {
    const dir = scratch();
    const source = join(root, "fixtures/memory/heap-buffer-overflow.c");
    writeFileSync(join(dir, "main.c"), "int entry(int); int main(void) { return entry(1) == 'x' ? 4 : 5; }\n");
    const library = ["-g", option, "-shared", "-fPIC", "-o", join(dir, "libtext.so"), source];
    expect(spawnSync("gcc", library, { cwd: dir }).status).toBe(0);
    const program = join(dir, "program");
    expect(spawnSync("gcc", ["-g", "-o", program, join(dir, "main.c"), "-L", dir, "-ltext"]).status).toBe(0);
    return { dir, program };
  };

  it("is mended on a copy beforehand, and said; the report names the original", () => {
    const { dir, program } = made("-Wl,--compress-debug-sections=zstd");
    const { report, status } = observed("valgrind", ["--", program], { env: { LD_LIBRARY_PATH: dir } });
    expect(status).toBe(1);
    expect(report?.findings[0]?.stacks[0]?.frames[0]).toMatchObject({
      function: "close_text",
      module: join(dir, "libtext.so"),
      file: expect.stringContaining("heap-buffer-overflow.c"),
    });
    expect(report?.run.interventions).toMatchObject([
      {
        kind: "action",
        what: expect.stringContaining("libtext.so is replaced by"),
        why: expect.stringContaining("zstd"),
      },
    ]);
    expect(report?.run.libraries.map(({ path }) => path)).toContain(join(dir, "libtext.so"));
  });

  it("is left alone where it can be read", () => {
    const { dir, program } = made("-Wl,--compress-debug-sections=zlib");
    const { report } = observed("valgrind", ["--", program], { env: { LD_LIBRARY_PATH: dir } });
    expect(report?.findings).toHaveLength(1);
    expect(report?.run.interventions).toEqual([]);
  });
});

describe("the run directory", () => {
  it("makes the same report again, and holds nothing of the target's output", () => {
    const { report, runDir } = watched("heap-use-after-free", "broken");
    const raw = readdirSync(join(runDir, "raw/valgrind-0")).sort();
    expect(raw).toEqual([
      "files.json",
      expect.stringMatching(/^valgrind\.log\.\d$/),
      expect.stringMatching(/^vg\.\d+\.xml\.\d$/),
    ]);
    expect(existsSync(join(runDir, "report.json"))).toBe(true);
    expect(readFileSync(join(runDir, "raw/valgrind-0", raw[2] ?? ""), "utf8")).not.toContain("host: 1");
    expect(report?.run.command).toEqual([host, lib("heap-use-after-free"), "broken"]);
  });
});
