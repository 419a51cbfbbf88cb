import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Finding } from "../../src/model/finding.js";
import { cleanUp, doctor, observed, root, scratch, type Told } from "./doctor.js";
import { commandOf, type Host, hosts } from "./hosts.js";

afterAll(cleanUp);

const recorder = join(root, "native/build/ffi_doctor_recorder.so");
const store = join(root, "native/build/store");
const LIMIT = 120_000;
const kinds = hosts.filter(({ name }) => ["c", "go", "node", "python", "java", "rust"].includes(name));

function run(host: Host | undefined, twin: string, flags: readonly string[] = [], own: readonly string[] = []): Told {
  const command = commandOf(host?.command ?? [], twin);
  return observed("run", [...flags, "--", ...command, ...own, twin], { env: { LD_LIBRARY_PATH: join(store, twin) } });
}

const host = (name: string): Host | undefined => hosts.find((one) => one.name === name);
const codes = (told: Told): string[] | undefined => told.report?.findings.map(({ code }) => code);
const names = (finding: Finding | undefined, role: string): (string | null)[] =>
  finding?.stacks.find((stack) => stack.role === role)?.frames.map((frame) => frame.function) ?? [];
const boundaryOf = (finding: Finding | undefined, role: string): string | null | undefined =>
  finding?.stacks.find((stack) => stack.role === role)?.frames.find(({ boundary }) => boundary)?.function;

/** A library of the text, and a program that opens it and calls `entry`. */
function built(
  text: string,
  more: { library?: string[]; program?: string[] } = {},
): { library: string; program: string } {
  const folder = scratch();
  const [library, program] = [join(folder, "libbug.so"), join(folder, "opener")];
  writeFileSync(join(folder, "bug.c"), text);
  writeFileSync(
    join(folder, "opener.c"),
    `#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **words) {
  (void)count;
  void *library = dlopen(words[1], RTLD_NOW);
  if (library == NULL) { fprintf(stderr, "%s\\n", dlerror()); return 3; }
  int (*entry)(int) = (int (*)(int))dlsym(library, "entry");
  int got = entry(0);
  puts("done");
  return got;
}
`,
  );
  const make = (args: string[]) => spawnSync("gcc", ["-g", "-O0", ...args], { cwd: folder, encoding: "utf8" }).stderr;
  expect(make(["-shared", "-fPIC", ...(more.library ?? []), "-o", library, "bug.c"])).toBe("");
  expect(make([...(more.program ?? []), "-o", program, "opener.c"])).toBe("");
  return { library, program };
}

describe.skipIf(!existsSync(recorder))("run", () => {
  describe.each(kinds)("under $name", (one) => {
    it.each(["poison", "guard"])(
      "with --heap %s comes out clean of the healthy workload, with its own output and status",
      (heap) => {
        const told = run(one, "healthy", ["--heap", heap], ["--traps", "2", "--exit", "7"]);
        expect({ status: told.status, stdout: told.stdout }).toEqual({
          status: 7,
          stdout: "scenario healthy: ok\ntraps survived: 2\ndone\n",
        });
        expect(told.report?.verdict).toBe("clean");
        expect(told.report?.coverage.map(({ probe }) => probe)).toEqual(["heap", "signals"]);
      },
      LIMIT,
    );

    it(
      "says of a pointer that it was read from freed memory, and of which block",
      () => {
        const told = run(one, "stale-handle");
        const [finding] = told.report?.findings ?? [];
        expect(told.status).toBe(1);
        expect(finding).toMatchObject({ code: "poisoned-pointer", probes: ["signals"] });
        expect(names(finding, "fault")[0]).toBe("ffi_doctor_store::ffi::stale::block_checksum");
      },
      LIMIT,
    );

    it(
      "with --heap guard stops at the first access to freed memory, with all three stacks",
      () => {
        const told = run(one, "stale-handle", ["--heap", "guard"]);
        const [finding] = told.report?.findings ?? [];
        expect(told.status).toBe(1);
        expect(finding).toMatchObject({
          code: "heap-use-after-free",
          confidence: "proved",
          blame: "boundary",
          probes: ["heap", "signals"],
        });
        expect(finding?.stacks.map(({ role }) => role)).toEqual(["fault", "free", "alloc"]);
        expect(names(finding, "fault")[0]).toBe("ffi_doctor_store::ffi::stale::read_block");
        expect([boundaryOf(finding, "fault"), boundaryOf(finding, "free")]).toEqual(["fds_get", "fds_close"]);
        expect(finding?.capture?.registers.length).toBeGreaterThan(0);
      },
      LIMIT,
    );

    it(
      "names both frees of a block, though the process goes on",
      () => {
        const told = run(one, "double-free");
        const [finding] = told.report?.findings ?? [];
        expect([told.status, told.report?.run.outcome.exitCode]).toEqual([1, 0]);
        expect(finding).toMatchObject({ code: "double-free", confidence: "proved", probes: ["heap"] });
        expect(names(finding, "fault")).toContain("ffi_doctor_store::hot::evict_hot_value");
        expect(names(finding, "free")).toContain("ffi_doctor_store::hot::release_hot_value");
        expect(finding?.stacks.map(({ role }) => role)).toEqual(["fault", "free", "alloc"]);
      },
      LIMIT,
    );
  });

  it.each(["c", "rust", "java"])(
    "knows a block of malloc's that Rust's allocator takes back, under %s",
    (name) => {
      const [finding, ...more] = run(host(name), "malloc-dropped-by-rust").report?.findings ?? [];
      expect(more).toEqual([]);
      expect(finding).toMatchObject({ code: "alloc-dealloc-mismatch", confidence: "proved" });
      expect(boundaryOf(finding, "fault")).toBe("fds_free_bytes");
    },
    LIMIT,
  );

  it(
    "tells a write behind a block by what it left, and leaves the bytes out of report.json",
    () => {
      const told = run(host("c"), "off-by-one");
      expect(told.report?.findings[0]).toMatchObject({ code: "heap-buffer-overflow", blame: "unknown" });
      expect(told.report?.findings[0]?.nextSteps[0]?.command).toContain("ffi-doctor run --heap guard");
      expect(told.report?.findings[0]?.changed).toBeUndefined();
      expect(told.stderr).toContain("Changed, by offset from the block's first byte");
    },
    LIMIT,
  );

  it(
    "makes the same report elsewhere, without tools and without what the process had mapped",
    () => {
      const { library, program } = built(
        "#include <stdlib.h>\nint entry(int i) { char *volatile p = malloc(8); free(p); free(p); return i; }\n",
      );
      const told = observed("run", ["--lib", "libbug.so", "--", program, library]);
      expect(codes(told)).toEqual(["double-free"]);
      const copy = join(scratch(), "copy");
      cpSync(told.runDir, copy, { recursive: true });
      rmSync(library);
      rmSync(program);
      const again = doctor(["report", copy, "--format", "json"], { env: { PATH: "" } });
      const findings = JSON.parse(again.stdout).findings as Finding[];
      expect(findings.map(({ stacks, fingerprint }) => ({ stacks, fingerprint }))).toEqual(
        told.report?.findings.map(({ stacks, fingerprint }) => ({ stacks, fingerprint })),
      );
    },
    LIMIT,
  );

  it(
    "looks for leaks of a library that is named, and of none without",
    () => {
      const { library, program } = built(
        "#include <stdlib.h>\nint entry(int i) { void *volatile p = malloc(100); p = NULL; (void)p; return i; }\n",
      );
      expect(codes(observed("run", ["--", program, library]))).toEqual([]);
      const told = observed("run", ["--lib", "libbug.so", "--", program, library]);
      expect(codes(told)).toEqual(["memory-leak"]);
      expect(names(told.report?.findings[0], "fault")).toContain("entry");
    },
    LIMIT,
  );

  it(
    "leaves the heap as it is with --heap off, and sees signals all the same",
    () => {
      const { library, program } = built("int entry(int i) { return *(volatile int *)(long)(i + 8); }\n");
      const told = observed("run", ["--heap", "off", "--", program, library]);
      expect(told.report?.coverage.map(({ probe }) => probe)).toEqual(["signals"]);
      expect(told.report?.findings).toMatchObject([{ code: "null-dereference", access: { kind: "read", size: 4 } }]);
      expect(told.report?.run.outcome.signal).toBe("SIGSEGV");
    },
    LIMIT,
  );

  it(
    "follows children, each into a box of its own",
    () => {
      const { library, program } = built(
        "#include <stdlib.h>\nint entry(int i) { char *volatile p = malloc(8); free(p); free(p); return i; }\n",
      );
      const told = observed("run", ["--", "sh", "-c", `"${program}" "${library}"; "${program}" "${library}"; true`]);
      expect(codes(told)).toEqual(["double-free"]);
      expect(told.report?.findings[0]?.occurrences.seen).toBe(2);
      const boxes = readdirSync(join(told.runDir, "raw/recorder-0")).filter((name) => name.startsWith("box."));
      expect(boxes.length).toBeGreaterThanOrEqual(3);
      expect(told.report?.run.processes.length).toBeGreaterThanOrEqual(3);
    },
    LIMIT,
  );

  it("runs the shim's own workload for --demo", { timeout: LIMIT }, () => {
    expect(codes(observed("run", ["--demo", "double-free"]))).toEqual(["double-free"]);
  });

  it("shows what it would do, and does nothing, for --dry-run", () => {
    const { status, stdout } = doctor(["run", "--dry-run", "--heap", "guard", "--", "true"]);
    expect(status).toBe(0);
    expect(stdout).toContain("ffi_doctor_recorder.so");
    expect(stdout).toContain("heap=guard:");
  });
});

describe("a target that the recorder cannot be loaded into is not run, and that is said", () => {
  it("one that is linked statically", () => {
    const { status, stdout, stderr } = observed("run", ["--", join(root, "native/build/hold")]);
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(stderr).toMatch(/statically linked|is not built/);
  });

  it.skipIf(!existsSync(recorder))("one that is built for a sanitizer", () => {
    const { library, program } = built("int entry(int i) { return i; }\n", { program: ["-fsanitize=address"] });
    const { status, stdout, stderr } = observed("run", ["--", program, library]);
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(stderr).toContain("ffi-doctor asan");
  });

  it.skipIf(!existsSync(recorder))("one whose libraries are missing says so", () => {
    const folder = scratch();
    writeFileSync(join(folder, "lib.c"), "int x(void) { return 1; }\n");
    writeFileSync(join(folder, "main.c"), "int x(void); int main(void) { return x(); }\n");
    spawnSync("gcc", ["-shared", "-fPIC", "-o", "libx.so", "lib.c"], { cwd: folder });
    spawnSync("gcc", ["-o", "main", "main.c", "-L.", "-lx"], { cwd: folder });
    const { status, report } = observed("run", ["--", join(folder, "main")]);
    expect(status).toBe(3);
    expect(report?.obstacles[0]?.why).toContain("status 127");
  });
});

describe("run's command line", () => {
  it.each([
    [[], "nothing to run"],
    [["--heap", "full", "--", "true"], "heap"],
    [["--guard-side", "left", "--", "true"], "guard-side"],
    [["--poison", "a5", "--", "true"], "Two bytes in hex"],
    [["--poison", "5a,5a", "--", "true"], "differ"],
    [["--quarantine", "much", "--", "true"], "MiB"],
    [["--stacks", "some", "--", "true"], "stacks"],
    [["--demo", "none"], "there is no twin"],
    [["--demo", "healthy", "--", "true"], "exclude each other"],
    [["--with", "jemalloc", "--", "true"], "--with jemalloc"],
  ])("refuses %j", (args, words) => {
    const { status, stderr } = doctor(["run", ...args]);
    expect(status).toBe(2);
    expect(stderr).toContain(words);
  });
});
