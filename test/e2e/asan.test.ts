import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Report } from "../../src/model/report.js";
import { findRuntimes } from "../../src/survey/sanitizers.js";
import { cleanUp, doctor, root, scratch, type Told } from "./doctor.js";
import { commandOf, hosts } from "./hosts.js";

afterAll(cleanUp);

const here = (await findRuntimes("address", process.env["PATH"] ?? "")).length > 0;
const instrumented = join(root, "native/build/store-asan");
const plain = join(root, "native/build/store");
const LIMIT = 120_000;

function asan(args: readonly string[], env: NodeJS.ProcessEnv = {}): Told {
  const runDir = join(scratch(), "run");
  const { status, stdout, stderr } = doctor(["asan", "--out", runDir, ...args], { env });
  const file = join(runDir, "report.json");
  const report = existsSync(file) ? Report.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
  return { status, stdout, stderr, report, runDir };
}

function source(name: string, text: string): string {
  const file = join(scratch(), name);
  writeFileSync(file, text);
  return file;
}

const OPENER = `#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **words) {
  (void)count;
  void *library = dlopen(words[1], RTLD_NOW);
  if (library == NULL) { fprintf(stderr, "%s\\n", dlerror()); return 3; }
  int (*entry)(int) = (int (*)(int))dlsym(library, "entry");
  int got = entry(0);
  dlclose(library);
  puts("done");
  return got & 0;
}
`;

describe.skipIf(!here)("asan", () => {
  const kinds = hosts.filter(({ name }) => ["c", "go", "node", "python", "java", "rust"].includes(name));

  it.each(kinds)(
    "comes out clean of the healthy workload under $name, with its own output and status",
    (host) => {
      for (const store of [plain, instrumented].filter((folder) => existsSync(join(folder, "healthy")))) {
        const told = asan(["--", ...commandOf(host.command, "healthy"), "--traps", "2", "--exit", "7", "healthy"], {
          LD_LIBRARY_PATH: join(store, "healthy"),
        });
        expect({ status: told.status, stdout: told.stdout }).toEqual({
          status: 7,
          stdout: "scenario healthy: ok\ntraps survived: 2\ndone\n",
        });
        expect(told.report?.verdict).toBe("clean");
        const spots = told.report?.coverage.flatMap(({ blindSpots }) => blindSpots) ?? [];
        const unseen = spots.some(({ what }) => what.includes("libffi_doctor_store.so"));
        expect(unseen).toBe(store === plain);
      }
    },
    LIMIT,
  );

  it.skipIf(!existsSync(join(instrumented, "stale-handle"))).each(kinds)(
    "names both calls and the host's own functions of a use after free under $name",
    (host) => {
      const { status, report } = asan(["--", ...commandOf(host.command, "stale-handle"), "stale-handle"], {
        LD_LIBRARY_PATH: join(instrumented, "stale-handle"),
      });
      expect(status).toBe(1);
      const [finding] = report?.findings ?? [];
      expect(finding).toMatchObject({ code: "heap-use-after-free", blame: "boundary", probes: ["asan"] });
      expect(finding?.blameReason).toContain("fds_close");
      const frames = finding?.stacks[0]?.frames ?? [];
      expect(frames[0]?.function).toBe("ffi_doctor_store::ffi::stale::read_block");
      expect(frames.find(({ boundary }) => boundary)?.function).toBe("fds_get");
      expect(frames.some(({ side, function: name }) => side === "script" && /read_?block/i.test(name ?? ""))).toBe(
        true,
      );
    },
    LIMIT,
  );

  it(
    "builds the library by the user's own command, and then sees its plain accesses",
    () => {
      const library = source(
        "store.c",
        "#include <stdlib.h>\nint entry(int i) { char *volatile p = malloc(8); free(p); return p[i]; }\n",
      );
      const opener = source("opener.c", OPENER);
      const [so, program] = [`${library}.so`, `${opener}.run`];
      const build = `cc $CFLAGS -shared -fPIC -o ${so} ${library} $LDFLAGS && cc -g -o ${program} ${opener}`;
      const { status, report } = asan(["--lib", so, "--build", build, "--", program, so]);
      expect(status).toBe(1);
      expect(report?.findings[0]?.code).toBe("heap-use-after-free");
      expect(report?.findings[0]?.stacks.map(({ role }) => role)).toEqual(["fault", "free", "alloc"]);
    },
    LIMIT,
  );

  it("does not run the target after a build that failed, and repeats its last words", () => {
    const { status, stdout, report } = asan(["--build", "echo no rule to make it >&2; exit 2", "--", "echo", "ran"]);
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(report?.verdict).toBe("inconclusive");
    expect(JSON.stringify(report)).toContain("no rule to make it");
  });

  it(
    "finds the leak of a library that was closed, and leaves the exit status alone",
    () => {
      const library = source(
        "leak.c",
        "#include <stdlib.h>\nint entry(int i) { void *volatile p = malloc(100); p = NULL; (void)p; return i; }\n",
      );
      const opener = source("opener.c", OPENER);
      const [so, program] = [`${library}.so`, `${opener}.run`];
      const build = `cc -g -shared -fPIC -o ${so} ${library} && cc -g -o ${program} ${opener}`;
      const { status, report } = asan(["--lib", so, "--build", build, "--", program, so]);
      expect(report?.findings.map(({ code }) => code)).toEqual(["memory-leak"]);
      expect(report?.findings[0]?.stacks[0]?.frames.some(({ function: name }) => name === "entry")).toBe(true);
      expect([status, report?.run.outcome.exitCode]).toEqual([0, 0]);
    },
    LIMIT,
  );

  it("leaves the exit status and the output alone where leaks cannot be looked for: no ptrace, or a JVM", () => {
    const forbid = join(scratch(), "no-ptrace");
    expect(spawnSync("gcc", ["-o", forbid, join(root, "test/robust/no-ptrace.c")]).status).toBe(0);
    const looked = ["--lib", "libffi_doctor_store.so", "--exit-code", "target", "--"];
    const own = ["--exit", "7", "healthy"];
    for (const [name, before] of [
      ["c", [forbid]],
      ["java", []],
    ] as const) {
      const command = hosts.find((host) => host.name === name)?.command ?? [];
      const told = asan([...looked, ...before, ...commandOf(command, "healthy"), ...own], {
        LD_LIBRARY_PATH: join(plain, "healthy"),
      });
      expect(told.stdout).toBe("scenario healthy: ok\ndone\n");
      expect(told.report?.run.outcome.exitCode).toBe(7);
      const said = [...(told.report?.obstacles ?? []), ...(told.report?.coverage[0]?.blindSpots ?? [])];
      expect(said.map(({ what }) => what).join("\n")).toMatch(/^leaks/m);
    }
  });

  it(
    "shows the fault that a JVM told of itself, and then ended by abort",
    () => {
      const command = hosts.find(({ name }) => name === "java")?.command ?? [];
      const env = { LD_LIBRARY_PATH: join(plain, "struct-layout") };
      const { status, report } = asan(["--", ...command, "struct-layout"], env);
      const frames = report?.findings[0]?.stacks[0]?.frames ?? [];
      expect([status, report?.findings.map(({ code }) => code)]).toEqual([1, ["null-dereference"]]);
      expect(frames[0]?.function).toBe("Unsafe_GetByte");
      expect(frames.some(({ function: name }) => name === "inventory.Replica.checksumBlock")).toBe(true);
    },
    LIMIT,
  );

  it(
    "says of a library of another sanitizer that it was not looked at",
    () => {
      const library = source("store.c", "int entry(int i) { return i; }\n");
      const opener = source("opener.c", OPENER);
      const [so, program] = [`${library}.so`, `${opener}.run`];
      const build = `cc -g -fsanitize=address -shared -fPIC -o ${so} ${library} && cc -g -o ${program} ${opener}`;
      const { status, report } = asan(["--sanitizer", "undefined", "--build", build, "--", program, so]);
      expect(status).toBe(3);
      expect(report?.verdict).toBe("inconclusive");
    },
    LIMIT,
  );

  it.each(["address", "undefined"])(
    "lets a program find its libraries along its own RUNPATH, under --sanitizer %s",
    (sanitizer) => {
      const library = source("hidden.c", "int entry(int i) { return i; }\n");
      const opener = source("opener.c", OPENER);
      const program = `${opener}.run`;
      const build = `cc -shared -fPIC -o ${join(dirname(library), "libhidden.so")} ${library} && cc -o ${program} ${opener} -Wl,--enable-new-dtags,-rpath,${dirname(library)}`;
      const { status, stdout } = asan(["--sanitizer", sanitizer, "--build", build, "--", program, "libhidden.so"]);
      expect({ status, stdout }).toEqual({ status: 0, stdout: "done\n" });
    },
    LIMIT,
  );

  it("does not touch a program that takes no preloaded library", () => {
    const { status, stdout, stderr } = asan(["--", join(root, "native/build/hold")]);
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(stderr).toContain("statically linked");
  });
});

describe("asan's command line", () => {
  it.each([
    [[], "nothing to run"],
    [["--sanitizer", "memory", "--", "true"], "sanitizer"],
    [["--build", " ", "--", "true"], "--build is empty"],
    [["--with", "jemalloc", "--", "true"], "--with jemalloc"],
  ])("refuses %j", (args, words) => {
    const { status, stderr } = doctor(["asan", ...args]);
    expect(status).toBe(2);
    expect(stderr).toContain(words);
  });
});
