import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Options } from "../../../../src/model/options.js";
import type { Recording, StepEnd } from "../../../../src/model/recording.js";
import { decodeAsan } from "../../../../src/probes/asan/decode.js";
import { recordingOf } from "../../../golden/recording-of.js";

const PROCESS = `process 7 1
exe /app/host
arg ./host
arg with space\\x0aand line
program 400000-500000 - 
library 7f0000000000-7f0000100000 address /usr/lib/x86_64-linux-gnu/libasan.so.8
library 7f0000200000-7f0000300000 - /app/libstore.so
`;
const UAF = `=================================================================
==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000014 at pc 0x7f0000201000 bp 0x7ffc sp 0x7ffb
READ of size 4 at 0x602000000014 thread T0
    #0 0x7f0000201000 in store_get /src/store.c:12:3 (libstore.so+0x1000)
    #1 0x401000 in main /src/host.c:7 (/app/host+0x1000)

0x602000000014 is located 4 bytes inside of 16-byte region [0x602000000010,0x602000000020)
freed by thread T1 (worker) here:
    #0 0x7f0000001000 in __interceptor_free asan_malloc_linux.cpp:52 (/usr/lib/x86_64-linux-gnu/libasan.so.8+0x1)
    #1 0x7f0000201100 in store_close /src/store.c:20 (libstore.so+0x1100)

previously allocated by thread T0 here:
    #0 0x7f0000001100 in operator new(unsigned long) asan_new_delete.cpp:99 (/usr/lib/x86_64-linux-gnu/libasan.so.8+0x2)
    #1 0x7f0000201200 in store_open /src/store.c:5 (libstore.so+0x1200)

Thread T1 (worker) created by T0 here:
    #0 0x7f0000001200 in pthread_create asan_interceptors.cpp:207 (/usr/lib/x86_64-linux-gnu/libasan.so.8+0x3)

SUMMARY: AddressSanitizer: heap-use-after-free /src/store.c:12:3 in store_get
Shadow bytes around the buggy address:
  0x0c0c7fff7fb0: 00 00 00 00
==7==ABORTING
`;
const END: StepEnd = {
  pid: 7,
  outcome: { exitCode: 99, signal: null, timedOut: false },
  tool: { exitCode: 99, signal: null },
  leftRunning: [],
  attached: false,
};
const OPTIONS = { sanitizer: "address", libs: [], command: ["./host"] } as unknown as Options;

const decode = (files: Record<string, string>, end: Partial<StepEnd> = {}, options: Partial<Options> = {}) =>
  decodeAsan(recordingOf(files), { ...END, ...end }, { ...OPTIONS, ...options });
const ended = (exitCode: number | null, signal: string | null = null) => ({
  outcome: { exitCode, signal, timedOut: false },
});

describe("a report of AddressSanitizer", () => {
  const [error] = decode({ "process.7": `${PROCESS}end death\n`, "asan.7": UAF }).checkerErrors;

  it("is a checker error, with the block and who had to do with it", () => {
    expect(error).toMatchObject({
      checker: "AddressSanitizer",
      kind: "heap-use-after-free",
      text: "heap-use-after-free on address 0x602000000014",
      mistake: "freed-access",
      pid: 7,
      command: ["./host", "with space\nand line"],
      executable: "/app/host",
      access: { kind: "read", size: 4, address: "0x602000000014" },
      block: {
        address: "0x602000000010",
        size: 16,
        offset: 4,
        state: "freed",
        allocatedBy: "operator new",
        freedBy: "free",
      },
      fatal: true,
    });
    expect(error?.stacks.map(({ role, thread }) => [role, thread])).toEqual([
      ["fault", "T0"],
      ["free", "T1 (worker)"],
      ["alloc", "T0"],
    ]);
  });

  it("has each frame's file by its address, whatever the runtime calls it", () => {
    expect(error?.stacks[0]?.frames.map(({ module }) => module)).toEqual(["/app/libstore.so", "/app/host"]);
  });

  it("has the host's own frames behind its fault stack alone", () => {
    const host = "1: get (file:///app/main.mjs:3:5)\n";
    const [told] = decode({ "process.7": PROCESS, "asan.7": UAF, "host.7.node": host }).checkerErrors;
    expect(told?.stacks.map(({ frames }) => frames.filter(({ kind }) => kind === "jit").length)).toEqual([1, 0, 0]);
    expect(told?.stacks[0]?.frames.at(-1)).toMatchObject({ function: "get", file: "/app/main.mjs", line: 3 });
  });

  it.each([
    ["is located 8 bytes to the left of 16-byte region [0x602000000010,0x602000000020)", -8],
    ["is located 8 bytes before 16-byte region [0x602000000010,0x602000000020)", -8],
    ["is located 2 bytes to the right of 16-byte region [0x602000000010,0x602000000020)", 18],
    ["is located 2 bytes after 16-byte region [0x602000000010,0x602000000020)", 18],
  ])("%s", (where, offset) => {
    const text = UAF.replace(/is located 4 bytes inside of .*/, where);
    expect(decode({ "process.7": PROCESS, "asan.7": text }).checkerErrors[0]?.block?.offset).toBe(offset);
  });
});

describe("a fault by signal", () => {
  const segv = (rest: string) =>
    `==7==ERROR: AddressSanitizer: SEGV on unknown address ${rest}\n==7==The signal is caused by a WRITE memory access.\n    #0 0x7f0000201000 in f /src/a.c:1\n\nSUMMARY: AddressSanitizer: SEGV\n==7==ABORTING\n`;
  it.each([
    ["nothing is there", segv("0x000000000010 (pc 0x7f0000201000 bp 0x1 sp 0x2 T0)"), "unmapped-access", "0x10"],
    [
      "a library is there",
      segv("0x7f0000200010 (pc 0x7f0000201000 bp 0x1 sp 0x2 T0)"),
      "forbidden-access",
      "0x7f0000200010",
    ],
    ["a jump", segv("0x000000001234 (pc 0x000000001234 bp 0x1 sp 0x2 T0)"), "bad-jump", "0x1234"],
    ["no address", segv("(pc 0x7f0000201000 bp 0x1 sp 0x2 T0)"), "unmapped-access", null],
  ])("where %s", (_what, text, mistake, address) => {
    const [error] = decode({ "process.7": PROCESS, "asan.7": text }).checkerErrors;
    expect(error).toMatchObject({ mistake, access: { address }, signal: { name: "SIGSEGV" }, fatal: true });
  });

  it("that nobody reported is an error all the same", () => {
    const { checkerErrors } = decode({ "process.7": PROCESS }, ended(null, "SIGSEGV"));
    expect(checkerErrors).toMatchObject([{ mistake: "fatal-signal", signal: { name: "SIGSEGV" }, fatal: true }]);
  });

  it("that was reported is told once", () => {
    expect(decode({ "process.7": PROCESS, "asan.7": UAF }, ended(null, "SIGABRT")).checkerErrors).toHaveLength(1);
  });
});

describe("leaks", () => {
  const leak = (bytes: number, place: string) =>
    `Direct leak of ${bytes} byte(s) in 2 object(s) allocated from:\n    #0 0x7f0000001000 in malloc m.cpp:1\n    #1 0x7f0000201000 in ${place} /src/a.c:3\n\n`;
  const text = `=================================================================\n==7==ERROR: LeakSanitizer: detected memory leaks\n\n${leak(64, "a")}${leak(32, "b")}${leak(16, "a").replace("Direct", "Indirect")}SUMMARY: AddressSanitizer: 112 byte(s) leaked in 6 allocation(s).\n`;

  it("are one error each, and none of them is fatal", () => {
    const { checkerErrors } = decode(
      { "process.7": `${PROCESS}leaks looked-for\nend exit 0\n`, "asan.7": text },
      ended(0),
    );
    expect(checkerErrors.map(({ mistake, leak: found, fatal }) => [mistake, found, fatal])).toEqual([
      ["leak", { bytes: 64, blocks: 2, kind: "definite" }, false],
      ["leak", { bytes: 32, blocks: 2, kind: "definite" }, false],
      ["leak", { bytes: 16, blocks: 2, kind: "indirect" }, false],
    ]);
  });

  it("are not looked for without --lib, and that is said", () => {
    const { coverage } = decode({ "process.7": `${PROCESS}end exit 0\n` }, ended(0));
    expect(coverage.flatMap(({ blindSpots }) => blindSpots).find(({ what }) => what === "leaks")?.mend).toContain(
      "--lib",
    );
  });

  it("that could not be looked for are said not to be", () => {
    const { coverage } = decode({ "process.7": PROCESS }, ended(0), { libs: ["libstore.so"] });
    expect(coverage.flatMap(({ blindSpots }) => blindSpots).find(({ what }) => what === "leaks")?.why).toContain(
      "no process came to its exit handlers",
    );
  });
});

describe("a runtime that could not work", () => {
  it.each([
    [
      "==7==ASan runtime does not come first in initial library list; you should preload it\n",
      "another sanitizer's runtime",
    ],
    [
      "==7==Shadow memory range interleaves with an existing memory mapping. ASan cannot proceed correctly. ABORTING.\n",
      "shadow memory",
    ],
    ["==7==Your application is linked against incompatible ASan runtimes.\n", "two runtimes"],
    ["FATAL: ThreadSanitizer: unexpected memory mapping 0x7f\n", "ThreadSanitizer is too old"],
    ["==7==LeakSanitizer has encountered a fatal error.\n", "leaks could not be looked for"],
    ["==7==ERROR: AddressSanitizer failed to allocate 0x1000 (4096) bytes\n", "address space"],
    ["==7==AddressSanitizer CHECK failed: asan_thread.cpp:1 (0x0, 0x0)\n", "the sanitizer's runtime itself failed"],
  ])("%s", (text, what) => {
    const { obstacles } = decode({ "process.7": PROCESS, "asan.7": text }, ended(1));
    expect(obstacles?.[0]?.what).toContain(what);
    expect(obstacles?.[0]?.mend).not.toBeNull();
  });

  it("is told by what the dynamic linker said", () => {
    const refused = `${PROCESS}refused /app/libstore.so: undefined symbol: __asan_option_detect_stack_use_after_return\n`;
    expect(decode({ "process.7": refused }, ended(1)).obstacles?.[0]?.mend).toContain("leave --sanitizer out");
  });

  it("and ended the process without a report is no clean run", () => {
    const { obstacles } = decode({ "process.7": `${PROCESS}opening /app/libother.so\n` }, ended(99));
    expect(obstacles?.[0]?.why).toContain("/app/libother.so");
  });

  it.each([
    ["is not there", {}],
    ["is empty", { "asan.7": "" }],
    ["is garbage", { "asan.7": "\u0001\u0002 cut in the middle" }],
  ])("and whose report at a death %s is no clean run", (_what, log) => {
    const { checkerErrors, obstacles } = decode({ "process.7": `${PROCESS}end death\n`, ...log });
    expect({ checkerErrors, obstacles }).toMatchObject({
      checkerErrors: [],
      obstacles: [{ what: "the sanitizer had something to say of process 7, and its report is lost" }],
    });
    expect(decode({ "process.7": `${PROCESS}end death\n`, "asan.7": UAF }).obstacles).toEqual([]);
  });

  it("and was left behind by env -i is no clean run, whatever became of the program", () => {
    const record = PROCESS.replace("/app/host", "/usr/bin/env");
    const without = "what /usr/bin/env executed ran without the sanitizer";
    expect(decode({ "process.7": record }, ended(0)).obstacles).toMatchObject([{ what: without }]);
    expect(decode({ "process.7": record }, ended(null, "SIGSEGV")).obstacles).toMatchObject([{ what: without }]);
    expect(decode({ "process.7": record }, ended(127)).obstacles).toEqual([]);
    expect(decode({ "process.7": `${record}end exit 0\n` }, ended(0)).obstacles).toEqual([]);
  });

  it("and was never loaded is no clean run", () => {
    const { lost, obstacles } = decode({}, ended(0));
    expect(lost).toContain("not loaded");
    expect(obstacles).toHaveLength(1);
    expect(decode({}, ended(99)).lost).toContain("ended the program before it began");
  });
});

describe("a recording that is not whole", () => {
  it("is said to be cut, and what is there is told", () => {
    const { checkerErrors, coverage } = decode({
      "process.7": PROCESS,
      "asan.7": UAF.slice(0, UAF.indexOf("freed by")),
    });
    expect(checkerErrors).toHaveLength(1);
    expect(
      coverage
        .flatMap(({ blindSpots }) => blindSpots)
        .some(({ what }) => what.includes("part of the report of process 7")),
    ).toBe(true);
  });

  it("of several processes keeps them apart", () => {
    const other = UAF.replaceAll("==7==", "==8==");
    const { checkerErrors, processes } = decode({
      "process.7": PROCESS,
      "asan.7": UAF,
      "process.8": PROCESS.replace("process 7 1", "process 8 7"),
      "asan.8": other,
    });
    expect(checkerErrors.map(({ pid }) => pid)).toEqual([7, 8]);
    expect(processes.map(({ pid, parent }) => [pid, parent])).toEqual([
      [7, 1],
      [8, 7],
    ]);
  });

  it("whose reports are interleaved with other text is read past it", () => {
    const noisy = UAF.replaceAll("\n", "\nsome other thread says this\n");
    expect(decode({ "process.7": PROCESS, "asan.7": noisy }).checkerErrors[0]?.stacks).toHaveLength(3);
  });

  it("may be empty", () => {
    expect(decode({ "process.7": "", "asan.7": "" }, ended(0)).checkerErrors).toEqual([]);
  });

  it("never makes it throw", () => {
    const line = fc.constantFrom(
      ...UAF.split("\n"),
      ...PROCESS.split("\n"),
      "#0",
      "==",
      "\u0000\u001b[2J",
      "Direct leak of 9 byte(s) in 1 object(s) allocated from:",
      "a.c:1:2: runtime error: shift exponent",
      "WARNING: ThreadSanitizer: data race (pid=7)",
      `    #${"9".repeat(6)} 0xffffffffffffffff in x`,
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 80 }), fc.array(line, { maxLength: 20 }), (log, process) => {
        decode({ "asan.7": log.join("\n"), "process.7": process.join("\n"), "host.7.go": log.join("\n") });
      }),
      { numRuns: 300 },
    );
  });

  it("may be as long as it likes: what is kept is bounded, and the rest is counted", () => {
    const reports = 20_000;
    const endless: Recording = {
      names: () => ["asan.7", "process.7"],
      text: () => null,
      bytes: () => null,
      pieces: function* (name) {
        if (name === "process.7") {
          yield PROCESS;
          return;
        }
        for (let i = 0; i < reports; i += 1) {
          yield `==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x1 at pc 0x2\n    #0 0x7f0000201000 in f${i} /src/a.c:1\nSUMMARY: x\n`;
        }
        // One line without an end.
        for (let i = 0; i < 500; i += 1) {
          yield "y".repeat(1 << 16);
        }
      },
    };
    const { checkerErrors, coverage } = decodeAsan(endless, END, OPTIONS);
    expect(checkerErrors).toHaveLength(500);
    expect(coverage.flatMap(({ blindSpots }) => blindSpots).map(({ what }) => what)).toContain(
      `${reports - 500} more reports of process 7`,
    );
    expect(coverage.flatMap(({ blindSpots }) => blindSpots).map(({ what }) => what)).toContain(
      "part of the report of process 7",
    );
  });

  it("counts the same report again, and does not keep it twice", () => {
    const [error, ...others] = decode({ "process.7": PROCESS, "asan.7": UAF.repeat(50) }).checkerErrors;
    expect(others).toEqual([]);
    expect(error?.seen).toBe(50);
  });
});

describe("other sanitizers", () => {
  it("UndefinedBehaviorSanitizer's lines are errors by what they say", () => {
    const text = [
      "a.c:1:2: runtime error: signed integer overflow: 1 + 2147483647 cannot be represented in type 'int'",
      "    #0 0x7f0000201000 in f /src/a.c:1",
      "",
      "a.c:2:2: runtime error: load of misaligned address 0x5629 for type 'int', which requires 4 byte alignment",
      "a.c:3:2: runtime error: load of null pointer of type 'int'",
      "a.c:4:2: runtime error: call to function g through pointer to incorrect function type 'void (*)()'",
      "a.c:5: runtime error: load of value 5, which is not a valid value for type 'bool'",
    ].join("\n");
    const { checkerErrors } = decode({ "process.7": `${PROCESS}end exit 0\n`, "ubsan.7": text }, ended(0), {
      sanitizer: "undefined",
    });
    expect(checkerErrors.map(({ mistake }) => mistake)).toEqual([
      "arithmetic",
      "misaligned-access",
      "unmapped-access",
      "wrong-function-type",
      "other",
    ]);
    expect(checkerErrors.map(({ fatal }) => fatal)).not.toContain(true);
    // Without a stack the place in the source is the frame.
    expect(checkerErrors[1]?.stacks[0]?.frames[0]).toMatchObject({ file: "a.c", line: 2, column: 2 });
  });

  const race = (first: string) => `==================
WARNING: ThreadSanitizer: data race (pid=7)
  Write of size 4 at 0x7f0000200130 by thread T2:
    #0 ${first}

  Previous read of size 4 at 0x7f0000200130 by thread T1 (mutexes: write M1):
    #0 0x7f0000201010 in g /src/a.c:9 (libstore.so+0x1)

  Thread T2 (tid=9, running) created by main thread at:
    #0 0x7f0000201020 in h /src/a.c:1 (libstore.so+0x2)

SUMMARY: ThreadSanitizer: data race /src/a.c:9 in f
==================
`;
  const checked = PROCESS.replace("7f0000300000 -", "7f0000300000 thread");

  it("a race of two stacks, where the code has the checks", () => {
    const files = {
      "process.7": `${checked}end exit 0\n`,
      "tsan.7": race("0x7f0000201000 in f /src/a.c:9 (libstore.so+0x1)"),
    };
    const [error] = decode(files, ended(0), { sanitizer: "thread" }).checkerErrors;
    expect(error).toMatchObject({ mistake: "data-race", fatal: false, access: { kind: "write", size: 4 } });
    expect(error?.stacks.map(({ role }) => role)).toEqual(["fault", "call"]);
  });

  it("a race that code without checks has a part in is counted and not believed", () => {
    const files = {
      "process.7": `${checked}end exit 0\n`,
      "tsan.7": race("0x401000 in main /src/host.c:7 (/app/host+0x1)"),
    };
    const { checkerErrors, coverage } = decode(files, ended(0), { sanitizer: "thread" });
    expect(checkerErrors).toEqual([]);
    expect(coverage.flatMap(({ notShown }) => notShown)).toMatchObject([{ count: 1 }]);
  });
});
