import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { catalogue } from "../../../src/diagnose/catalogue.js";
import { diagnose } from "../../../src/diagnose/engine.js";
import type { Crash } from "../../../src/model/crash.js";
import { findingCodes } from "../../../src/model/finding-code.js";
import { aborted, CODE, crash, evidence, frame, STACK_OF_A_CALL } from "./crashes.js";

const code = (seen: Crash): string | undefined => diagnose(evidence({ crashes: [seen] }))[0]?.code;
const overrun = { stackBounds: { low: "0x7ffc00000000", high: "0x7ffc00021000", stackPointer: "0x7ffc00000010" } };
const SET_ASIDE = { start: "0x600000000000", end: "0x600000100000", perms: "---p", offset: "0x0", path: null };
/** A call with a buffer at the end of the heap, and a length that is far more. */
const overlong = (shape: { address: string }, name = "value_len"): Crash =>
  crash({
    ...shape,
    frames: [
      frame({ index: 0, function: "memcpy", side: "system" }),
      frame({
        index: 1,
        boundary: true,
        args: [
          { name: "value", value: "0x5555000ff000" },
          { name, value: "0x40000000" },
        ],
      }),
      frame({ index: 2, function: "main", module: "/app/host", side: "script" }),
    ],
  });
const STORE = "/app/libstore.so";
const handler = (module: string, onStack = true) => ({
  signal: "SIGSEGV",
  handler: "0x7f0000000500",
  module,
  function: "on_segv",
  onStack,
});
/** A nil check of Go's, in a program where a library has the handler; the same again then killed it. */
function displaced(more: Partial<Crash> = {}, address = "0x8"): Crash {
  const seen = crash({
    address,
    base: "0x0",
    frames: [frame({ function: "main.labelOf", module: "/app/host", side: "script", language: "go" })],
  });
  const again = { ...seen.timeline[0], id: 1, disposition: "default" as const, role: "reraise" as const, of: 0 };
  return {
    ...seen,
    hostRuntime: "go",
    executable: "/app/host",
    terminal: 1,
    timeline: [{ ...seen.timeline[0], disposition: "caught" }, again] as Crash["timeline"],
    modules: [{ path: STORE, soname: null, buildId: null, debugInfo: true, base: "0x7f0000000000", inQuestion: true }],
    handlers: [handler(STORE)],
    ...more,
  };
}
const refusedByGo = (by: string): Crash =>
  crash(
    {
      signal: { name: "EXIT" },
      frames: [
        frame({ function: "runtime.exit", side: "host", language: "go" }),
        frame({ function: by, side: "host", language: "go" }),
        frame({ function: "main.submit", side: "script", language: "go" }),
      ],
    },
    { hostRuntime: "go" },
  );
const general = { codeName: "SI_KERNEL", code: 128 };

describe("a crash is", () => {
  it.each<[string, string, Crash]>([
    ["null-dereference", "at 0", crash({ address: "0x0", base: "0x0" })],
    ["null-dereference", "at the offset of a field", crash({ address: "0x30", base: "0x0" })],
    ["null-dereference", "on a write", crash({ address: "0xfff8", kind: "write" })],
    ["wild-pointer", "right above the first 64 KiB", crash({ address: "0x10000", maps: [CODE] })],
    ["wild-pointer", "where nothing is mapped", crash({ address: "0x18589091b1" })],
    [
      "wild-pointer",
      "at an address that no processor has",
      crash({ address: "0x4847464544434241", signal: general, from: "operand" }),
    ],
    [
      "wild-pointer",
      "in memory that is set aside and not usable",
      crash({ address: "0x600000000000", maps: [SET_ASIDE] }),
    ],
    ["heap-buffer-overflow", "what CPython says of the bytes after a block", aborted("bad trailing pad byte")],
    ["heap-buffer-underflow", "what CPython says of the bytes before a block", aborted("bad leading pad byte")],
    ["abort", "anything else that CPython says", aborted("Executing a cache.")],
    [
      "jni-misuse",
      "a refusal of -Xcheck:jni",
      aborted(undefined, ["abort", "checked_jni_GetArrayLength", "Java_Misuse_sizeOf"]),
    ],
    ["go-pointer-rule", "a refusal of cgocheck", refusedByGo("runtime.cgoCheckPointer")],
    ["abort", "another panic of Go's", refusedByGo("runtime.mapassign")],
    ["signal-handler-displaced", "Go's nil check, taken by a library", displaced()],
    ["null-dereference", "Go's nil check, taken by nobody", displaced({ handlers: [] })],
    [
      "null-dereference",
      "a fault that the runtime's own handler gave up on",
      displaced({ handlers: [handler("/usr/lib/libc.so.6")] }),
    ],
    ["wild-pointer", "a fault that no runtime means", displaced({}, "0x18589091b1")],
    ["null-dereference", "a fault in another language than the runtime's", displaced({ hostRuntime: "python" })],
    [
      "missing-sa-onstack",
      "what Go says of it",
      displaced({
        handlers: [handler(STORE, false)],
        abortMessage: { text: "non-Go code set up signal handler without SA_ONSTACK flag", from: "Go's fatal error" },
      }),
    ],
    ["bad-length", "inside what the call announced, past what is there", overlong({ address: "0x555500100010" })],
    ["wild-pointer", "past what the call announced", overlong({ address: "0x555600000000" })],
    [
      "wild-pointer",
      "inside what the call announced, which has a length of another name",
      overlong({ address: "0x555500100010" }, "flags"),
    ],
    [
      "poisoned-pointer",
      "at jemalloc's fill of freed memory",
      crash({ address: "0x5a5a5a5a5a5a5a5a", base: "0x5a5a5a5a5a5a5a5a", signal: general, from: "operand" }),
    ],
    [
      "poisoned-pointer",
      "at a field of it",
      crash({ address: "0xa5a5a5a5a5a5a5c5", base: "0xa5a5a5a5a5a5a5a5", signal: general, from: "operand" }),
    ],
    [
      "poisoned-pointer",
      "at 0xdeadbeef, twice",
      crash({ address: "0xdeadbeefdeadbeef", signal: general, from: "operand" }),
    ],
    [
      "wild-pointer",
      "at a value that only begins like a fill",
      crash({ address: "0x5a5a5a5a00000000", signal: general, from: "operand" }),
    ],
    [
      "truncated-pointer",
      "at the low half of a heap address",
      crash(
        { address: "0x40000", base: "0x40000" },
        { maps: [{ start: "0x555500000000", end: "0x555500100000", perms: "rw-p", offset: "0x0", path: "[heap]" }] },
      ),
    ],
    [
      "truncated-pointer",
      "at a sign-extended half",
      crash(
        { address: "0xffffffff80000040", base: "0xffffffff80000040" },
        { maps: [{ start: "0x7f1180000000", end: "0x7f1180100000", perms: "rw-p", offset: "0x0", path: null }] },
      ),
    ],
    [
      "wild-pointer",
      "at a small address that is no half of anything",
      crash({ address: "0x9040000", base: "0x9040000" }),
    ],
    [
      "misaligned-pointer",
      "of an aligned load that is not",
      crash({ address: "0x555500000044", signal: general, from: "operand", instruction: "movdqa (%rdi),%xmm0" }),
    ],
    [
      "native-crash",
      "of an unaligned load that may be",
      crash({ address: "0x555500000044", signal: general, from: "operand", instruction: "movdqu (%rdi),%xmm0" }),
    ],
    [
      "misaligned-pointer",
      "as the kernel says",
      crash({ address: "0x555500000044", signal: { name: "SIGBUS", codeName: "BUS_ADRALN" } }),
    ],
    [
      "bus-error",
      "of a mapping with nothing behind it",
      crash({ address: "0x555500000044", signal: { name: "SIGBUS", codeName: "BUS_ADRERR" } }),
    ],
    ["bad-code-pointer", "at the program counter itself", crash({ address: "0x555500000040", kind: "execute" })],
    ["bad-code-pointer", "of a call through null", crash({ address: "0x0", kind: "execute" })],
    [
      "write-to-readonly",
      "of constants",
      crash({ address: "0x7f0000010040", kind: "write", signal: { codeName: "SEGV_ACCERR", code: 2 } }),
    ],
    [
      "native-crash",
      "of a read that was refused",
      crash({ address: "0x7f0000010040", signal: { codeName: "SEGV_ACCERR", code: 2 } }),
    ],
    ["stack-overflow", "right below the stack", crash({ address: "0x7ffbfffffff8", kind: "write" }, overrun)],
    [
      "stack-overflow",
      "a large frame below it",
      crash(
        { address: "0x7ffbffff0000", kind: "write" },
        { stackBounds: { low: "0x7ffc00000000", high: "0x7ffc00021000", stackPointer: "0x7ffbffff0000" } },
      ),
    ],
    ["wild-pointer", "below the stack while the stack pointer is far away", crash({ address: "0x7ffbfffffff8" })],
    [
      "call-after-unload",
      "where a library was",
      crash(
        { address: "0x7f00aa000100", kind: "execute" },
        { unloaded: [{ path: "/app/libplugin.so", start: "0x7f00aa000000", end: "0x7f00aa001000" }] },
      ),
    ],
    [
      "illegal-instruction",
      "of a deliberate trap",
      crash({ signal: { name: "SIGILL", codeName: "ILL_ILLOPN" }, instruction: "ud2" }),
    ],
    ["arithmetic-fault", "of a division", crash({ signal: { name: "SIGFPE", codeName: "FPE_INTDIV" } })],
    ["native-crash", "of an instruction without an operand", crash({ signal: general, instruction: "hlt" })],
    [
      "double-free",
      "as glibc says",
      aborted("free(): double free detected in tcache 2", ["abort", "free", "store_drop"]),
    ],
    ["invalid-free", "as glibc says", aborted("munmap_chunk(): invalid pointer", ["abort", "free", "store_drop"])],
    [
      "abort",
      "as the debugging malloc says of any block",
      {
        ...aborted("free(): invalid pointer", ["abort", "free", "store_drop"]),
        modules: [
          {
            path: "/usr/lib/libc_malloc_debug.so.0",
            soname: null,
            buildId: null,
            debugInfo: false,
            base: "0x1",
            inQuestion: false,
          },
        ],
      },
    ],
    ["abort", "of a heap that was overwritten, though glibc says so", aborted("corrupted size vs. prev_size")],
    ["abort", "with an assertion's text", aborted("host: x.c:4: f: Assertion `a' failed.")],
    ["abort", "without a text", aborted(undefined)],
    [
      "stack-buffer-overflow",
      "as the stack protector says",
      aborted("*** stack smashing detected ***: terminated", ["abort", "__stack_chk_fail", "greet"]),
    ],
    [
      "out-of-memory",
      "of an allocation",
      aborted(undefined, ["abort", "alloc::alloc::handle_alloc_error", "store_grow"]),
    ],
    [
      "exception-across-boundary",
      "of a C++ library",
      aborted(undefined, ["abort", "std::terminate()", "__cxa_throw", "parse"]),
    ],
    [
      "panic-across-boundary",
      "of a panic that cannot unwind",
      aborted(undefined, ["abort", "core::panicking::panic_cannot_unwind", "fds_get"]),
    ],
    [
      "panic-across-boundary",
      "of a panic seen first-hand",
      crash({ role: "panic", signal: { name: "PANIC", codeName: "none", code: 0 }, abort: "oh no" }),
    ],
  ])("%s: %s", (expected, _name, seen) => {
    expect(code(seen)).toBe(expected);
  });

  it("never called a use after free: a crash cannot show that", () => {
    const seen = ["0x5a5a5a5a5a5a5a5a", "0x18589091b1", "0x555500000040"].map((address) => code(crash({ address })));
    expect(seen).not.toContain("heap-use-after-free");
  });

  it("no finding when somebody else sent the signal, or when the process had not died", () => {
    expect(code(crash({ role: "sent" }))).toBeUndefined();
    expect(code(crash({ address: "0x0" }, { terminal: null }))).toBeUndefined();
  });
});

describe("who is blamed", () => {
  const blame = (seen: Crash) => diagnose(evidence({ crashes: [seen] }))[0];
  const given = (value: string, name = "handle") => [
    STACK_OF_A_CALL[0] ?? frame(),
    frame({ index: 1, boundary: true, args: [{ name, value }] }),
    ...STACK_OF_A_CALL.slice(2),
  ];

  it("is the library when its own code did it", () => {
    expect(blame(crash({ address: "0x18589091b1" }))?.blame).toBe("library");
  });

  it("is the boundary when the bad pointer came in as an argument", () => {
    const finding = blame(crash({ address: "0x18589091b1", base: "0x18589091b1", frames: given("0x18589091b1") }));
    expect(finding).toMatchObject({
      blame: "boundary",
      blameReason: expect.stringContaining("argument handle of store_get"),
    });
    expect(blame(crash({ address: "0x18589091c9", frames: given("0x18589091b1") }))?.blame).toBe("boundary");
  });

  it("is not the boundary because a length is near the address", () => {
    expect(blame(crash({ address: "0x30", base: "0x0", frames: given("0x9", "key_len") }))?.blame).toBe("library");
    expect(blame(crash({ address: "0x30", base: "0x0", frames: given("0x0", "options") }))?.blame).toBe("library");
  });

  it("is unknown for a C program's own code, the boundary for a binding's, the host for Go's nil", () => {
    const own = (more: Parameters<typeof frame>[0], runtime: string) =>
      blame(crash({ address: "0x18589091b1", frames: [frame(more)] }, { hostRuntime: runtime }))?.blame;
    expect(own({ side: "script", module: "/app/host" }, "c")).toBe("unknown");
    expect(own({ side: "binding", module: "/app/koffi.node" }, "node")).toBe("boundary");
    expect(own({ side: "script", language: "javascript" }, "node")).toBe("boundary");
    expect(
      blame(
        crash(
          { address: "0x8", base: "0x0", frames: [frame({ side: "script", language: "go" })] },
          { hostRuntime: "go" },
        ),
      )?.blame,
    ).toBe("host");
  });

  it("is the library's where it asked the host to give up, the host's where its own code did", () => {
    const gaveUp = (...sides: ("host" | "script" | "library")[]) =>
      blame(
        crash(
          {
            signal: { name: "SIGABRT", number: 6, forged: true },
            frames: sides.map((side, index) => frame({ index, side, function: `${side}_${index}` })),
          },
          { hostRuntime: "node" },
        ),
      );
    expect(gaveUp("host", "library", "host", "script")?.blame).toBe("library");
    expect(gaveUp("host", "script", "library", "host")?.blame).toBe("host");
    expect(gaveUp("host", "script", "host")?.blameReason).toContain("no native library is on the stack");
  });

  it("is unknown with no frame to go by", () => {
    expect(blame(crash({ address: "0x18589091b1", frames: [] }))?.blame).toBe("unknown");
  });
});

describe("codes, rules, pages and fixtures", () => {
  const root = join(import.meta.dirname, "../../..");
  const ruleFiles = readdirSync(join(root, "src/diagnose/rules")).filter((name) => name !== "index.ts");

  it("each rule is named after its code", () => {
    expect(
      ruleFiles
        .map((name) => name.replace(".ts", ""))
        .filter((name) => !(findingCodes as readonly string[]).includes(name)),
    ).toEqual([]);
  });

  it.each(findingCodes)("%s has a page that says what, how, why and what next", (name) => {
    const page = readFileSync(join(root, `docs/findings/${name}.md`), "utf8");
    expect(page.split("\n").filter((line) => line.startsWith("#"))).toEqual([
      `# ${name}`,
      "## What it means",
      "## How it is recognised",
      "## Common causes at a language boundary",
      "## What to do next",
      "## See also",
    ]);
    for (const [, linked] of page.matchAll(/\]\(([^)]+)\)/g)) {
      expect(existsSync(join(root, "docs/findings", linked ?? "")), `${name} links to ${linked}`).toBe(true);
    }
    expect(catalogue[name].title.length).toBeGreaterThan(5);
  });

  it("a page says that nothing reports its code yet, exactly where no rule does", () => {
    const reported = new Set([
      ...ruleFiles.map((name) => name.replace(".ts", "")),
      "library-not-loadable",
      "missing-symbol",
    ]);
    const silent = findingCodes.filter((name) =>
      readFileSync(join(root, `docs/findings/${name}.md`), "utf8").includes("Not reported by any instrument"),
    );
    expect(silent).toEqual(findingCodes.filter((name) => !reported.has(name)));
  });
});
