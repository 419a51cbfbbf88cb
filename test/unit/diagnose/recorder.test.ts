import { describe, expect, it } from "vitest";
import { diagnose } from "../../../src/diagnose/engine.js";
import type { CheckerError } from "../../../src/model/checker-error.js";
import type { Crash, HeapFacts } from "../../../src/model/crash.js";
import { Finding } from "../../../src/model/finding.js";
import { redactReport } from "../../../src/render/redact.js";
import { renderTerminal } from "../../../src/render/terminal/report.js";
import { report as madeReport } from "../render/reports.js";
import { checkerError, inLibrary, MAIN } from "./checker-errors.js";
import { crash, evidence, frame, signal } from "./crashes.js";

const BLOCK = {
  address: "0x7f0080001000",
  size: 64,
  offset: 64,
  state: "live" as const,
  allocatedBy: "malloc",
  freedBy: null,
};
const DAMAGE: CheckerError["damage"] = {
  bytes: 2,
  changed: [
    { offset: 64, was: "fd", is: "41" },
    { offset: 65, was: "fd", is: "42" },
  ],
  afterMs: 10,
  beforeMs: 340.5,
  found: "at the end of the process",
};

/** Without a fault stack, as the recorder tells it. */
function damaged(mistake: CheckerError["mistake"], more: Partial<CheckerError> = {}): CheckerError {
  const error = checkerError(
    mistake,
    { alloc: [inLibrary("make_block"), inLibrary("store_put", true), MAIN], free: [inLibrary("drop_block"), MAIN] },
    { probe: "heap", damage: DAMAGE, block: BLOCK, access: null, ...more },
  );
  return { ...error, stacks: error.stacks.filter(({ role }) => role !== "fault") };
}

function only(error: CheckerError): Finding {
  const found = diagnose(evidence({ checkerErrors: [error] }));
  expect(found).toHaveLength(1);
  return Finding.parse(found[0]);
}

describe("damage that was found later", () => {
  it("behind a block says when it was done, blames nobody, and which run shows who did it", () => {
    const finding = only(damaged("heap-bounds"));
    expect(finding).toMatchObject({
      code: "heap-buffer-overflow",
      title: "2 bytes were changed right behind a block of 64 bytes, which was allocated in make_block (store.c:12)",
      confidence: "proved",
      blame: "unknown",
      probes: ["heap"],
      changed: DAMAGE?.changed,
    });
    expect(finding.message).toContain(
      "between 10 and 340.5 ms after the start, and was found at the end of the process",
    );
    expect(finding.blameReason).toContain("who wrote was not seen");
    expect(finding.nextSteps[0]?.command).toBe("ffi-doctor run --heap guard -- /app/host");
  });

  it("before a block asks for the guard on the other side", () => {
    const finding = only(damaged("heap-bounds", { block: { ...BLOCK, offset: -2 } }));
    expect(finding.code).toBe("heap-buffer-underflow");
    expect(finding.nextSteps[0]?.command).toContain("--heap guard --guard-side before");
  });

  it("of a freed block has both ends of its life", () => {
    const finding = only(damaged("freed-access", { block: { ...BLOCK, state: "freed", offset: 8 } }));
    expect(finding).toMatchObject({
      code: "heap-use-after-free",
      title: "A freed block of 64 bytes was written to; it had been allocated in make_block (store.c:12)",
    });
    expect(finding.message).toContain("freed by drop_block");
  });

  it("has its bytes on the terminal, and in no shared format", () => {
    const made = { ...madeReport(), findings: [only(damaged("heap-bounds"))] };
    const text = renderTerminal(made, { width: 100, color: false, runDir: null, verbose: false });
    expect(text).toContain('64: was fd fd, is 41 42 "AB"');
    expect(redactReport(made, { showMemory: false }).findings[0]?.changed).toBeUndefined();
    expect(redactReport(made, { showMemory: true }).findings[0]?.changed).toEqual(DAMAGE?.changed);
  });
});

const STACKS: HeapFacts["pointers"][number]["stacks"] = [
  { role: "alloc", thread: "1", frames: [frame({ function: "make_block" })], truncated: null },
];

function died(heap: Partial<HeapFacts>, more: Partial<Crash> = {}): Finding {
  const facts: HeapFacts = { guarded: false, allocFill: "a5", freeFill: "77", pointers: [], ...heap };
  return Finding.parse(diagnose(evidence({ crashes: [crash({}, { probe: "signals", heap: facts, ...more })] }))[0]);
}

const pointer = (register: string, value: string, more: Partial<HeapFacts["pointers"][number]> = {}) => ({
  register,
  value,
  truncated: false,
  block: BLOCK,
  stacks: STACKS,
  ...more,
});

describe("a crash with the recorder's heap at hand", () => {
  const poisoned = {
    signal: signal({ code: 128, codeName: "SI_KERNEL" }),
    access: null,
    registers: [{ name: "rbx", value: "0x777777777777777f" }],
  };

  it("knows its own fill pattern by the register, and the block that it was read from", () => {
    expect(died({}, poisoned)).toMatchObject({ code: "poisoned-pointer", confidence: "likely" });
    const from = pointer("rax", "0x7f0080001008", { block: { ...BLOCK, state: "freed", offset: 8 } });
    const finding = died({ pointers: [pointer("rcx", "0x1"), from] }, poisoned);
    expect(finding).toMatchObject({ confidence: "proved", block: { address: "0x7f0080001000", state: "freed" } });
    expect(finding.title).toContain("read from memory that was freed");
    expect(finding.stacks.map(({ role }) => role)).toEqual(["fault", "alloc"]);
  });

  it("knows the block whose address lost its upper half", () => {
    const access = {
      kind: "read" as const,
      size: 4,
      address: "0x80001008",
      addressFrom: "kernel" as const,
      base: null,
      displacement: null,
    };
    const cut = pointer("the address", "0x80001008", { truncated: true, block: { ...BLOCK, offset: 8 } });
    const finding = died({ pointers: [cut] }, { access });
    expect(finding).toMatchObject({ code: "truncated-pointer", confidence: "proved", block: { offset: 8 } });
    expect(finding.message).toContain("0x7f0080001008");
  });

  it("at a closed page is one finding with the heap's", () => {
    const access = {
      kind: "write" as const,
      size: 4,
      address: "0x7f0080001008",
      addressFrom: "kernel" as const,
      base: null,
      displacement: null,
    };
    const bus = crash(
      {},
      {
        probe: "signals",
        heap: {
          guarded: true,
          allocFill: "a5",
          freeFill: "5a",
          pointers: [pointer("the address", "0x7f0080001008", { block: { ...BLOCK, state: "freed", offset: 8 } })],
        },
        signal: signal({ name: "SIGBUS", number: 7, code: 2, codeName: "BUS_ADRERR", address: "0x7f0080001008" }),
        access,
      },
    );
    const frames = bus.threads.find(({ faulting }) => faulting)?.frames ?? [];
    const error = checkerError(
      "freed-access",
      { fault: frames, free: [inLibrary("drop_block")], alloc: [inLibrary("make_block")] },
      { probe: "heap", access, fatal: true, signal: bus.signal },
    );
    const found = diagnose(evidence({ crashes: [bus], checkerErrors: [error] }));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ code: "heap-use-after-free", probes: ["heap", "signals"] });
    expect(found[0]?.nextSteps.map(({ command }) => command)).not.toContain("df -h; df -h /dev/shm");
    expect(found[0]?.capture).toBeDefined();
    expect(found[0]?.timeline).toBeDefined();
  });
});
