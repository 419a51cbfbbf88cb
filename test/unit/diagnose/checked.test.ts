import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diagnose } from "../../../src/diagnose/engine.js";
import { type CheckerError, Mistake } from "../../../src/model/checker-error.js";
import { Finding } from "../../../src/model/finding.js";
import type { Frame } from "../../../src/model/frame.js";
import { checkerError, FREE, inLibrary, MAIN, MALLOC } from "./checker-errors.js";
import { aborted, crash, evidence, frame, STACK_OF_A_CALL, signal } from "./crashes.js";

const found = (error: CheckerError): Finding | undefined => diagnose(evidence({ checkerErrors: [error] }))[0];
const block = (offset: number, state: "live" | "freed" = "live") => ({
  address: "0x4a5b040",
  size: 64,
  offset,
  state,
  allocatedBy: "malloc",
  freedBy: null,
});
const at = (address: string) => ({
  access: { kind: "read" as const, size: 4, address, addressFrom: "kernel" as const, base: null, displacement: null },
});
const LEAK = { leak: { bytes: 640, blocks: 10, kind: "definite" as const }, access: null };

describe("what a checker told", () => {
  it.each<[string, CheckerError, string | undefined]>([
    ["freed memory", checkerError("freed-access"), "heap-use-after-free"],
    ["behind a block", checkerError("heap-bounds", {}, { block: block(64) }), "heap-buffer-overflow"],
    ["before a block", checkerError("heap-bounds", {}, { block: block(-4) }), "heap-buffer-underflow"],
    ["a local variable", checkerError("stack-bounds"), "stack-buffer-overflow"],
    ["a global variable", checkerError("global-bounds"), "global-buffer-overflow"],
    ["a second free", checkerError("double-free"), "double-free"],
    ["a free of what is no block", checkerError("invalid-free"), "invalid-free"],
    ["a free of another family", checkerError("mismatched-free"), "alloc-dealloc-mismatch"],
    ["what was never written", checkerError("uninitialized"), "uninitialized-read"],
    ["a leak", checkerError("leak", {}, LEAK), "memory-leak"],
    ["what is reachable still", checkerError("leak", {}, { leak: { ...LEAK.leak, kind: "reachable" } }), undefined],
    ["a null pointer", checkerError("unmapped-access", {}, at("0x8")), "null-dereference"],
    ["a fill pattern", checkerError("unmapped-access", {}, at("0x5a5a5a5a5a5a5a62")), "poisoned-pointer"],
    ["nothing's memory", checkerError("unmapped-access", {}, at("0x18589091b1")), "wild-pointer"],
    [
      "a constant",
      checkerError("forbidden-access", {}, { access: { ...at("0x1").access, kind: "write" } }),
      "write-to-readonly",
    ],
    ["a jump to nowhere", checkerError("bad-jump"), "bad-code-pointer"],
    ["an odd address", checkerError("misaligned-access"), "misaligned-pointer"],
    ["a stack that ran over", checkerError("stack-overflow"), "stack-overflow"],
    [
      "a recursion on a stack that the checker does not know",
      checkerError(
        "unmapped-access",
        { fault: Array.from({ length: 40 }, () => inLibrary("descend")) },
        { fatal: true, ...at("0x7f0000001000") },
      ),
      "stack-overflow",
    ],
    ["a negative size", checkerError("bad-argument"), "bad-length"],
    ["no more memory", checkerError("out-of-memory"), "out-of-memory"],
    ["a race", checkerError("data-race"), "data-race"],
    ["locks in two orders", checkerError("deadlock"), "deadlock"],
    ["a division by zero", checkerError("arithmetic"), "arithmetic-fault"],
    ["a call by another type", checkerError("wrong-function-type"), "signature-mismatch"],
    ["an abort", checkerError("fatal-signal", {}, { signal: signal({ name: "SIGABRT" }), fatal: true }), "abort"],
    [
      "a Rust panic",
      checkerError(
        "fatal-signal",
        { fault: [inLibrary("core::panicking::panic_cannot_unwind"), inLibrary("store_get", true), MAIN] },
        { signal: signal({ name: "SIGABRT" }), fatal: true },
      ),
      "panic-across-boundary",
    ],
    ["a signal", checkerError("fatal-signal", {}, { signal: signal(), fatal: true }), "native-crash"],
    ["somebody's SIGKILL", checkerError("fatal-signal", {}, { signal: signal({ name: "SIGKILL" }) }), undefined],
    ["a word of its own", checkerError("other"), "native-crash"],
  ])("of %s is a finding of its own", (_what, error, code) => {
    expect(found(error)?.code).toBe(code);
  });

  it("is a finding that the schema knows, whatever is in it", () => {
    const text = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(
        fc.constantFrom(...Mistake.options),
        text,
        fc.option(fc.integer({ min: -100, max: 100 }), { nil: null }),
        fc.option(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), { nil: null }),
        fc.boolean(),
        (mistake, words, offset, address, empty) => {
          const error = checkerError(mistake, empty ? { fault: [] } : {}, {
            text: words,
            kind: words,
            block: offset === null ? null : { ...block(offset), address: null, size: offset > 9 ? null : 10 },
            ...(address === null ? { access: null } : at(`0x${address.toString(16)}`)),
          });
          for (const finding of diagnose(evidence({ checkerErrors: [error] }))) {
            Finding.parse(finding);
          }
        },
      ),
    );
  });

  it("comes in the order in which it happened, a warning after the errors", () => {
    const codes = diagnose(
      evidence({
        checkerErrors: [checkerError("leak", {}, LEAK), checkerError("freed-access"), checkerError("double-free")],
      }),
    ).map(({ code }) => code);
    expect(codes).toEqual(["heap-use-after-free", "double-free", "memory-leak"]);
  });
});

describe("a leak", () => {
  it.each([
    ["c", "asan", 1, "proved"],
    ["java", "valgrind", 1, "proved"],
    ["java", "asan", 1, "hint"],
    ["node", "valgrind", 1, "hint"],
    ["node", "asan", 10, "likely"],
    ["python", "valgrind", 10, "likely"],
  ] as const)("on %s under %s, of %i blocks, is %s", (hostRuntime, probe, blocks, confidence) => {
    const leak = { ...LEAK.leak, blocks };
    const error = { ...checkerError("leak", {}, { ...LEAK, leak }), hostRuntime, probe };
    const [finding] = diagnose(evidence({ checkerErrors: [error] }));
    expect(finding?.confidence).toBe(confidence);
    expect(finding?.message.includes("what the script still held")).toBe(confidence !== "proved");
  });
});

describe("an access to the first page", () => {
  it.each([
    ["0x0", "proved"],
    ["0x24", "likely"],
  ])("at %s is %s to be by a null pointer", (address, confidence) => {
    const [finding] = diagnose(evidence({ checkerErrors: [checkerError("unmapped-access", {}, at(address))] }));
    expect([finding?.code, finding?.confidence]).toEqual(["null-dereference", confidence]);
  });
});

describe("an access of which the processor gave no address", () => {
  it("is not said to be where nothing is, and gdb-capture comes next", () => {
    const access = { kind: "read" as const, size: 16, address: null, addressFrom: "none" as const };
    const error = checkerError("unmapped-access", {}, { access: { ...access, base: null, displacement: null } });
    const [finding] = diagnose(evidence({ checkerErrors: [error] }));
    expect(finding).toMatchObject({ code: "wild-pointer", confidence: "likely" });
    expect(finding?.message).toContain("needs an aligned address");
    expect(finding?.nextSteps[0]?.command).toMatch(/^ffi-doctor gdb-capture -- /);
  });
});

describe("errors that follow from one another", () => {
  const use = (name: string): Frame[] => [inLibrary(name), inLibrary("store_get", true), MAIN];
  const free = [FREE, inLibrary("store_close", true), MAIN];

  it("are the first of them, counted, where one call goes on with one block", () => {
    const errors = ["read_head", "read_body", "read_tail"].map((name) =>
      checkerError("freed-access", { fault: use(name), free }),
    );
    const findings = diagnose(evidence({ checkerErrors: errors }));
    expect(findings.map(({ title, occurrences }) => [title, occurrences.seen])).toEqual([
      ["Read of 8 bytes of freed memory, in read_head (store.c:12)", 3],
    ]);
    expect(findings[0]?.evidence[0]).toMatch(/goes on with it in read_body .*, read_tail/);
  });

  it("are one where a host looks again and again at what a library left unwritten", () => {
    const host = (name: string): Frame[] => [frame({ function: name, module: "/app/host", side: "host" })];
    const unwritten = (name: string, made: string): CheckerError =>
      checkerError("uninitialized", { fault: host(name), origin: [MALLOC, inLibrary(made, true), MAIN] });
    const errors = [unwritten("PyLong", "new"), unwritten("Print", "new"), unwritten("Print", "open")];
    const findings = diagnose(evidence({ checkerErrors: errors }));
    expect(findings.map(({ occurrences }) => occurrences.seen)).toEqual([2, 1]);
    expect(findings[0]?.evidence[0]).toContain("the host goes on with it in Print");
  });

  it("stay apart where another call, another block or another mistake is behind them", () => {
    const errors = [
      checkerError("freed-access", { fault: use("read_head"), free }),
      checkerError("freed-access", { fault: [inLibrary("store_scan", true), MAIN], free }),
      checkerError("freed-access", { fault: use("read_body"), free: [FREE, inLibrary("store_drop", true), MAIN] }),
      checkerError("heap-bounds", { fault: use("read_head"), alloc: [MALLOC, MAIN] }, { block: block(64) }),
    ];
    expect(diagnose(evidence({ checkerErrors: errors }))).toHaveLength(4);
  });
});

describe("whose fault it is", () => {
  const get = (name: string): Frame[] => [inLibrary(name), inLibrary("store_get", true), MAIN];
  const host: Frame[] = [MAIN];
  const BY_GO = [FREE, frame({ function: "runtime.asmcgocall.abi0", side: "binding", file: "/go/asm_amd64.s" })];
  it.each<[string, CheckerError, string]>([
    ["its own freeing", checkerError("freed-access", { free: [FREE, ...get("store_evict")] }), "library"],
    [
      "freed by a call of the host",
      checkerError("freed-access", { free: [FREE, inLibrary("store_close", true), MAIN] }),
      "boundary",
    ],
    ["freed by the host", checkerError("freed-access", { free: [FREE, ...host] }), "boundary"],
    ["all the host's", checkerError("freed-access", { fault: host, free: [FREE, ...host] }), "host"],
    ["no free known", checkerError("freed-access"), "unknown"],
    [
      "the very same call freed it twice",
      checkerError("double-free", {
        fault: [FREE, inLibrary("store_close", true), MAIN],
        free: [FREE, inLibrary("store_close", true), MAIN],
      }),
      "boundary",
    ],
    [
      "two places of one call freed it",
      checkerError("double-free", {
        fault: [FREE, ...get("store_evict")],
        free: [FREE, ...get("store_drop")],
      }),
      "library",
    ],
    ["freed twice by what Go called", checkerError("double-free", { fault: BY_GO, free: BY_GO }), "boundary"],
    ["beyond its own block", checkerError("heap-bounds", { alloc: [MALLOC, ...get("store_new")] }), "library"],
    ["beyond the host's block", checkerError("heap-bounds", { alloc: [MALLOC, ...host] }), "boundary"],
    ["the host beyond its own", checkerError("heap-bounds", { fault: host, alloc: [MALLOC, ...host] }), "host"],
    [
      "freed what the other allocated",
      checkerError("mismatched-free", { fault: [FREE, ...host], alloc: [MALLOC, ...get("new")] }),
      "boundary",
    ],
    [
      "handed out unwritten",
      checkerError("uninitialized", { fault: host, origin: [MALLOC, ...get("store_new")] }),
      "library",
    ],
    ["came in unwritten", checkerError("uninitialized", { origin: [MALLOC, ...host] }), "boundary"],
    ["no origin known", checkerError("uninitialized"), "unknown"],
    ["never given back", checkerError("leak", { fault: [MALLOC, ...get("store_new")] }, LEAK), "boundary"],
    [
      "never given back, made on a thread",
      checkerError("leak", { fault: [MALLOC, inLibrary("worker")] }, LEAK),
      "unknown",
    ],
    ["on a thread of its own", checkerError("stack-bounds", { fault: [inLibrary("worker")] }), "library"],
    ["a wild pointer of the host's", checkerError("unmapped-access", { fault: host }, at("0x18589091b1")), "unknown"],
    ["only system code", checkerError("stack-bounds", { fault: [FREE] }), "unknown"],
  ])("%s", (_what, error, blame) => {
    expect(found(error)?.blame).toBe(blame);
  });
});

describe("one mistake that several instruments saw", () => {
  const seenByGdb = crash({ address: "0x18589091b1", frames: STACK_OF_A_CALL });
  const fault = STACK_OF_A_CALL;
  const seenByValgrind = checkerError("freed-access", { fault, free: [FREE, MAIN] }, { block: block(8, "freed") });

  it("is one finding with all witnesses, by the name of the one that says most", () => {
    const both = diagnose(evidence({ crashes: [seenByGdb], checkerErrors: [seenByValgrind] }));
    expect(both.map(({ code, probes }) => [code, probes])).toEqual([["heap-use-after-free", ["valgrind", "gdb"]]]);
    expect(both[0]?.capture).toBeDefined();
    expect(both[0]?.stacks.map(({ role }) => role)).toEqual(["fault", "free"]);
    expect(both[0]?.evidence.join("\n")).toMatch(/gdb as wild-pointer: SIGSEGV/);
  });

  it("is one finding also where three saw it", () => {
    const seenByAsan = { ...seenByValgrind, probe: "asan" as const, checker: "AddressSanitizer" };
    const all = diagnose(evidence({ crashes: [seenByGdb], checkerErrors: [seenByValgrind, seenByAsan] }));
    expect(all.map(({ probes }) => [...probes].sort())).toEqual([["asan", "gdb", "valgrind"]]);
  });

  it("keeps the host's own functions, where only the witness that says less saw them", () => {
    const glue = frame({ module: "/app/_ctypes.so", function: null, side: "binding" });
    const ofValgrind = checkerError("freed-access", { fault: [...fault.slice(0, 2), glue], free: [FREE, MAIN] });
    const [both] = diagnose(evidence({ crashes: [seenByGdb], checkerErrors: [ofValgrind] }));
    expect(both?.stacks[0]?.frames.map(({ index, function: name }) => [index, name])).toEqual([
      [0, "store_read"],
      [1, "store_get"],
      [2, "main"],
    ]);
    expect(both?.evidence).toContain("gdb: what is behind the call that crossed, on the stack");
    const [alone] = diagnose(evidence({ checkerErrors: [ofValgrind] }));
    expect(alone?.stacks[0]?.frames.at(-1)?.side).toBe("binding");
  });

  it("has the fingerprint of the checkers, whichever of them saw it", () => {
    const seenByAsan = { ...seenByValgrind, probe: "asan" as const, checker: "AddressSanitizer" };
    expect(found(seenByAsan)?.fingerprint).toBe(found(seenByValgrind)?.fingerprint);
  });

  it("stays two where the places differ, or neither looks like the other", () => {
    const elsewhere = crash({ address: "0x18589091b1", frames: [frame({ function: "store_put" })] });
    expect(diagnose(evidence({ crashes: [elsewhere], checkerErrors: [seenByValgrind] }))).toHaveLength(2);
    const gaveUp = aborted("x", ["abort", "store_read", "store_get"]);
    const uninitialized = checkerError("uninitialized");
    expect(diagnose(evidence({ crashes: [gaveUp], checkerErrors: [uninitialized] }))).toHaveLength(2);
  });

  it("never hides a second mistake that one instrument saw at the same place", () => {
    const overrun = checkerError("heap-bounds", { fault, alloc: [MALLOC, MAIN] }, { block: block(64) });
    expect(diagnose(evidence({ checkerErrors: [seenByValgrind, overrun] }))).toHaveLength(2);
  });
});

describe("the fingerprint of a checker's error", () => {
  const print = (error: CheckerError): string | undefined => found(error)?.fingerprint;
  const library = [inLibrary("store_read"), inLibrary("store_get", true)];

  it("is the same from another host, at another address, line and pid", () => {
    const fromC = print(checkerError("freed-access", { fault: [...library, MAIN], free: [FREE, ...library, MAIN] }));
    const koffi = frame({ module: "/app/node_modules/koffi/koffi.node", function: null, side: "binding" });
    const moved = library.map((one) => ({ ...one, line: 99, pc: "0x1", module: "/elsewhere/libstore.so.4" }));
    const fromNode = checkerError(
      "freed-access",
      { fault: [...moved, koffi], free: [FREE, ...moved, koffi] },
      { pid: 77, ...at("0x999") },
    );
    expect(print(fromNode)).toBe(fromC);
  });

  it("is the same whether cgo's glue swallowed a function or not, and after the Go file changed", () => {
    const of = (name: string): string | undefined =>
      print(checkerError("freed-access", { fault: [frame({ function: name, module: "/app/host", boundary: true })] }));
    expect(of("_cgo_65bfde2259cf_Cfunc_peek")).toBe(of("peek"));
    expect(of("_cgo_0000de2259cf_C2func_peek")).toBe(of("peek"));
    expect(of("_cgo_65bfde2259cf_Cfunc_put")).not.toBe(of("peek"));
    const glue = (name: string): string | undefined =>
      print(checkerError("unmapped-access", { fault: [frame({ function: name, side: "binding" })] }, at("0x8")));
    expect(glue("_cgo_65bfde2259cf_Cfunc_strlen")).toBe(glue("_cgo_0000de2259cf_Cfunc_strlen"));
    expect(glue("runtime.asmcgocall.abi0")).toBe(glue("runtime.asmcgocall"));
  });

  it("differs by code, place, and who freed", () => {
    const prints = [
      checkerError("freed-access", { free: [FREE, inLibrary("store_close", true), MAIN] }),
      checkerError("freed-access", { free: [FREE, inLibrary("store_evict"), ...library.slice(1), MAIN] }),
      checkerError("double-free", { free: [FREE, inLibrary("store_close", true), MAIN] }),
      checkerError("freed-access", { fault: [inLibrary("store_scan", true), MAIN] }),
    ].map(print);
    expect(new Set(prints).size).toBe(prints.length);
  });
});
