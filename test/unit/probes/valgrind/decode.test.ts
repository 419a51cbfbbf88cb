import { describe, expect, it } from "vitest";
import { decodeValgrind } from "../../../../src/probes/valgrind/decode.js";
import { recordingOf } from "../../../golden/recording-of.js";
import { decoded, END, OPTIONS, READ, TRAMPOLINE, useAfterFree } from "./decoding.js";
import { counts, document, error, FINISHED, FREE, fatal, frame, leak, log, MALLOC } from "./memcheck-xml.js";

describe("an error of memcheck", () => {
  it("has its block, its stacks by role, and how often it was seen", () => {
    const { checkerErrors, lost, obstacles } = decoded(useAfterFree + FINISHED + counts({ "0x0": 3 }));
    expect(checkerErrors).toMatchObject([
      {
        probe: "valgrind",
        checker: "memcheck 3.19.0",
        kind: "InvalidRead",
        text: `${READ[0]}. ${READ[1]}`,
        mistake: "freed-access",
        pid: 100,
        access: { kind: "read", size: 8, address: "0x4a5b048" },
        block: { address: "0x4a5b040", size: 64, offset: 8, state: "freed", allocatedBy: "malloc", freedBy: "free" },
        seen: 3,
        fatal: false,
        stacks: [
          {
            role: "fault",
            frames: [{ function: "get", module: "/app/libstore.so", file: "/src/store.c", line: 7 }, {}],
          },
          { role: "free", frames: [{ function: "free" }, { function: "drop_it" }] },
          { role: "alloc", frames: [{ function: "malloc" }, { function: "make_it" }] },
        ],
      },
    ]);
    expect({ lost, obstacles }).toEqual({ lost: null, obstacles: [] });
  });

  it.each([
    ["InvalidRead", "Address 0x1010 is 16 bytes inside a block of size 64 free'd", "freed-access", 16],
    ["InvalidRead", "Address 0x1040 is 0 bytes after a block of size 64 alloc'd", "heap-bounds", 64],
    ["InvalidWrite", "Address 0x1280 is 512 bytes after a block of size 128 alloc'd", "heap-bounds", 640],
    ["InvalidWrite", "Address 0xffc is 4 bytes before a block of size 64 alloc'd", "heap-bounds", -4],
    ["InvalidRead", "Address 0x103c is 60 bytes inside a block of size 64 alloc'd", "heap-bounds", 60],
    ["InvalidRead", "Address 0x1044 is 4 bytes after a block of size 64 free'd", "heap-bounds", 68],
    ["InvalidRead", "Address 0x1200000 is 1,000 bytes inside a block of size 1,048,576 free'd", "freed-access", null],
    [
      "InvalidRead",
      'Address 0x10 is 16 bytes inside an unallocated block of size 4,000 in arena "client"',
      "unmapped-access",
      16,
    ],
    ["InvalidRead", "Address 0x30 is not stack'd, malloc'd or (recently) free'd", "unmapped-access", null],
    ["InvalidWrite", "Address 0x1ffe is on thread 1's stack", "stack-bounds", null],
    ["InvalidWrite", "Address 0x1ffe is on thread 1's stack in stack guard page", "stack-overflow", null],
    ["InvalidRead", 'Address 0x4040 is 0 bytes after data symbol "table"', "global-bounds", null],
    ["InvalidJump", "Address 0x0 is not stack'd, malloc'd or (recently) free'd", "bad-jump", null],
    ["InvalidFree", "Address 0x1000 is 0 bytes inside a block of size 64 free'd", "double-free", 0],
    ["InvalidFree", "Address 0x1010 is 16 bytes inside a block of size 64 alloc'd", "invalid-free", 16],
    ["InvalidFree", "Address 0x1010 is on thread 1's stack", "invalid-free", null],
    ["MismatchedFree", "Address 0x1000 is 0 bytes inside a block of size 64 alloc'd", "mismatched-free", 0],
    ["UninitCondition", "Uninitialised value was created by a heap allocation", "uninitialized", null],
    ["SyscallParam", "Address 0x1000 is 0 bytes inside a block of size 64 free'd", "freed-access", 0],
    ["Overlap", "", "bad-argument", null],
    ["SomethingNew", "", "other", null],
  ])("%s, %s: %s", (kind, about, mistake, offset) => {
    const what = kind === "SyscallParam" ? "Syscall param write(buf) points to unaddressable byte(s)" : "It happened";
    const { checkerErrors } = decoded(
      error(kind, [
        [what, frame("get")],
        [about, MALLOC],
      ]) + FINISHED,
    );
    expect(checkerErrors[0]?.mistake).toBe(mistake);
    if (offset !== null) {
      expect(checkerErrors[0]?.block?.offset).toBe(offset);
    }
  });

  it("tells the origin of a value that nobody wrote", () => {
    const body = error("UninitCondition", [
      ["Conditional jump or move depends on uninitialised value(s)", frame("decide")],
      ["Uninitialised value was created by a heap allocation", MALLOC, frame("make_it")],
    ]);
    expect(decoded(body + FINISHED).checkerErrors[0]?.stacks.map(({ role }) => role)).toEqual(["fault", "origin"]);
  });

  it("is one for the several instructions of one loop over one block, and two for two blocks", () => {
    const at = (address: string, offset: number, line: number, unique: string): string =>
      error(
        "InvalidRead",
        [
          ["Invalid read of size 1", frame("sum", { line, ip: `0x48B8B${line}` })],
          [`Address ${address} is ${offset} bytes inside a block of size 64 free'd`, FREE],
        ],
        { unique },
      );
    const body = at("0x1000", 0, 10, "0x0") + at("0x1001", 1, 11, "0x1") + at("0x2000", 0, 10, "0x2");
    const { checkerErrors } = decoded(body + FINISHED + counts({ "0x0": 4, "0x1": 60, "0x2": 1 }));
    expect(checkerErrors.map(({ seen, block }) => [seen, block?.address])).toEqual([
      [64, "0x1000"],
      [1, "0x2000"],
    ]);
  });
});

describe("frames", () => {
  it("inlined at one address are told, a recursion is not; Rust's own get their path, closures their function", () => {
    const std = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860";
    const inStd = (fn: string, file: string): string =>
      frame(fn, { file }).replace("<dir>/src</dir>", `<dir>${std}</dir>`);
    const body = error("InvalidWrite", [
      [
        "Invalid write of size 1",
        inStd("write&lt;i8&gt;", "library/core/src/ptr/mod.rs"),
        frame("{closure#0}", { file: "lib.rs", line: 3 }),
        frame("UnknownInlinedFun", { file: "other.rs", line: 3 }),
        frame("shop::sell::h0123456789abcdef", { file: "lib.rs", line: 2 }),
        frame("walk", { ip: "0x1", line: 5 }),
        frame("walk", { ip: "0x1", line: 5 }),
      ],
    ]);
    const frames = decoded(body + FINISHED).checkerErrors[0]?.stacks[0]?.frames ?? [];
    expect(frames.map((one) => [one.function, one.kind])).toEqual([
      ["core::ptr::write<i8>", "inlined"],
      ["shop::sell::{closure#0}", "inlined"],
      ["(inlined)", "inlined"],
      ["shop::sell", "normal"],
      ["walk", "normal"],
      ["walk", "normal"],
    ]);
  });

  it("of a copy that was mended are the original's", () => {
    const obj = "/tmp/run/ffi-doctor-mended/app/libstore.so";
    const { checkerErrors, files } = decoded(error("InvalidRead", [["x", frame("get", { obj })]]) + FINISHED, {
      "valgrind.log.2": log(100, ["/app/host", obj]),
    });
    expect(checkerErrors[0]?.stacks[0]?.frames[0]?.module).toBe("/app/libstore.so");
    expect(files.map(({ path }) => path)).toEqual(["/app/host", "/app/libstore.so"]);
  });
});

describe("a fatal signal", () => {
  const touch = error("InvalidRead", [
    ["Invalid read of size 8", frame("get")],
    ["Address 0x30 is not stack'd, malloc'd or (recently) free'd"],
  ]);

  it("at the instruction of an error is that error's", () => {
    const { checkerErrors } = decoded(touch + fatal("SIGSEGV", 11, 1, "0x30", frame("get")) + FINISHED);
    expect(checkerErrors).toMatchObject([
      {
        mistake: "unmapped-access",
        fatal: true,
        signal: { name: "SIGSEGV", codeName: "SEGV_MAPERR", address: "0x30" },
      },
    ]);
  });

  it("that a handler raised again, on top of the fault, is that fault's; what the handler stumbled over is not told", () => {
    const interrupted = [TRAMPOLINE, frame("get", { ip: "0x48B8BD4" })];
    const above = [frame("raise", { ip: "0x99", obj: "/usr/lib/libc.so.6" }), ...interrupted];
    const stumbled = error("UninitCondition", [["Conditional jump", frame("report", { ip: "0x77" }), ...interrupted]]);
    const { checkerErrors, coverage } = decoded(touch + stumbled + fatal("SIGABRT", 6, -6, null, ...above) + FINISHED);
    expect(checkerErrors).toMatchObject([{ mistake: "unmapped-access", fatal: true, signal: { name: "SIGABRT" } }]);
    expect(coverage.flatMap(({ notShown }) => notShown)).toEqual([
      { what: "errors in a signal handler that told of an earlier fault", count: 1 },
    ]);
  });

  it.each([
    ["SIGFPE", 8, 1, "0x4853109", "0x4853109", "arithmetic", null],
    ["SIGSEGV", 11, 2, "0x4854000", "0x48B8BD5", "forbidden-access", "write"],
    ["SIGSEGV", 11, 2, "0x4854000", "0x4854000", "bad-jump", "execute"],
    ["SIGSEGV", 11, 1, "0x30", "0x48B8BD5", "unmapped-access", null],
    ["SIGSEGV", 11, 128, null, "0x48B8BD5", "misaligned-access", null],
    ["SIGABRT", 6, -6, null, "0x48B8BD5", "fatal-signal", null],
    ["SIGILL", 4, 1, "0x4853140", "0x4853140", "fatal-signal", null],
  ] as const)("%s %i %i %s that no error came before, at %s: %s", (name, number, code, address, ip, mistake, kind) => {
    const { checkerErrors } = decoded(fatal(name, number, code, address, frame("get", { ip })) + FINISHED);
    expect(checkerErrors).toMatchObject([{ mistake, fatal: true, kind: name }]);
    expect(checkerErrors[0]?.access?.kind ?? null).toBe(kind);
  });

  it("is a stack overflow where valgrind's log says so", () => {
    const said = "==100== Stack overflow in thread #1: can't grow stack to 0x1ffe801000";
    const { checkerErrors } = decoded(fatal("SIGSEGV", 11, 1, "0x1FFE801FF8", frame("descend")) + FINISHED, {
      "valgrind.log.2": log(100, ["/app/host"], said),
    });
    expect(checkerErrors).toMatchObject([{ mistake: "stack-overflow", executable: "/app/host" }]);
  });

  it.each([
    ["SIGTERM", 15, 0],
    ["SIGSEGV", 11, 0],
    ["SIGKILL", 9, 0],
  ])("%s that somebody sent is no error", (name, number, code) => {
    expect(decoded(fatal(name, number, code, null, frame("poll")) + FINISHED).checkerErrors).toEqual([]);
  });
});

describe("leaks", () => {
  const body = FINISHED + leak("DefinitelyLost", 900, 9, MALLOC, frame("keep")) + leak("PossiblyLost", 4, 1, MALLOC);

  it("are told where --lib is given; those that may be none are counted", () => {
    const { checkerErrors, coverage } = decoded(body);
    expect(checkerErrors.map((one) => [one.mistake, one.leak])).toEqual([
      ["leak", { bytes: 900, blocks: 9, kind: "definite" }],
    ]);
    expect(coverage.flatMap(({ notShown }) => notShown).map(({ count }) => count)).toEqual([1]);
    expect(coverage.flatMap(({ lookedFor }) => lookedFor).join()).toContain("nothing points to");
    expect(coverage.flatMap(({ blindSpots }) => blindSpots).map(({ what }) => what)).not.toContain("leaks");
  });

  it("are not looked for without --lib, which is said", () => {
    const { checkerErrors, coverage } = decoded(body, {}, { ...OPTIONS, libs: [] });
    expect(checkerErrors).toEqual([]);
    expect(coverage.flatMap(({ blindSpots }) => blindSpots)[0]).toMatchObject({
      what: "leaks",
      mend: "--lib <library>",
    });
  });

  it("of a process that a signal ended are none", () => {
    const { checkerErrors } = decoded(fatal("SIGABRT", 6, -6, null, frame("abort")) + body);
    expect(checkerErrors.map(({ mistake }) => mistake)).toEqual(["fatal-signal"]);
  });
});

describe("what a runtime does by design", () => {
  const jvm = { obj: "/usr/lib/jvm/java-17/lib/server/libjvm.so", ip: "0x5696200" };
  const generated = "<frame><ip>0xE0E21B4</ip></frame>";

  it.each([
    [
      "a JVM's probes of its stack",
      error("InvalidWrite", [
        ["Invalid write of size 4", generated, frame("call_helper", jvm), frame("long_field", { ip: "0x48B0001" })],
        ["Address 0x1fff000 is on thread 2's stack"],
        ["16384 bytes below stack pointer"],
      ]),
    ],
    [
      "a null check by touching",
      error("InvalidRead", [
        ["Invalid read of size 4", generated, frame("call_helper", jvm)],
        ["Address 0x8 is not stack'd, malloc'd or (recently) free'd"],
      ]),
    ],
    [
      "the dynamic linker's reads by the word",
      error("InvalidRead", [
        ["Invalid read of size 8", frame("is_dst", { obj: "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" })],
        ["Address 0x1020 is 0 bytes after a block of size 32 alloc'd", MALLOC],
      ]),
    ],
  ])("%s: counted, not told", (_name, body) => {
    const { checkerErrors, coverage } = decoded(body + FINISHED);
    expect(checkerErrors).toEqual([]);
    expect(coverage.flatMap(({ notShown }) => notShown)).toMatchObject([{ count: 1 }]);
  });

  const inGo = (address: string): string =>
    error("InvalidRead", [
      ["Invalid read of size 8", frame("main.labelOf", { file: "main.go", obj: "/app/go-host" })],
      [`Address ${address} is not stack'd, malloc'd or (recently) free'd`],
    ]);

  it.each([
    ["a nil dereference that Go recovered", 0, inGo("0x10"), 0],
    ["the fault that a Go program ended of", 2, inGo("0x10"), 1],
    ["the last of two, where it ended of one", 2, inGo("0x10") + inGo("0x65d1000").replace("0x0<", "0x1<"), 1],
  ])("%s (status %i): %s is told %i times", (_name, exitCode, body, told) => {
    const end = { ...END, outcome: { exitCode, signal: null, timedOut: false } };
    expect(decoded(body + FINISHED, {}, OPTIONS, end).checkerErrors).toHaveLength(told);
  });

  it("a write just below the stack pointer is told: it is an overflow like any other", () => {
    const body = error("InvalidWrite", [
      ["Invalid write of size 4", frame("fill")],
      ["Address 0x1fff000 is on thread 1's stack"],
      ["8 bytes below stack pointer"],
    ]);
    expect(decoded(body + FINISHED).checkerErrors).toMatchObject([{ mistake: "stack-bounds" }]);
  });
});

describe("processes", () => {
  it("that were forked have a file of their own, and their parent's program", () => {
    const child = document(useAfterFree + FINISHED, { pid: 101, parent: 100 });
    const { checkerErrors, processes, files } = decoded(FINISHED, {
      "vg.101.xml.3": child,
      "valgrind.log.2": log(100, ["/app/host", "/usr/lib/ld-linux-x86-64.so.2", "/app/libstore.so"]),
    });
    expect(checkerErrors).toMatchObject([{ pid: 101, executable: "/app/host" }]);
    expect(processes).toMatchObject([
      { pid: 100, parent: null },
      { pid: 101, parent: 100 },
    ]);
    expect(files).toContainEqual({ path: "/app/host", program: true });
    expect(files).toContainEqual({ path: "/app/libstore.so", program: false });
  });

  it("that became another program are told with the last one, and what each did", () => {
    const { checkerErrors, processes, lost } = decodeValgrind(
      recordingOf({
        "vg.100.xml.2": document(useAfterFree).replace("</valgrindoutput>", ""),
        "vg.100.xml.4": document(FINISHED, { command: ["/app/second"] }),
        "valgrind.log.1": log(100, ["/app/first"]),
        "valgrind.log.3": log(100, ["/app/second"]),
      }),
      END,
      OPTIONS,
    );
    expect(checkerErrors).toMatchObject([{ executable: "/app/first" }]);
    expect(processes).toMatchObject([{ pid: 100, command: ["/app/second"], outcome: END.outcome }]);
    expect(lost).toBeNull();
  });
});
