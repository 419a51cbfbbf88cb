import { describe, expect, it } from "vitest";
import { CheckerError } from "../../../../src/model/checker-error.js";
import { Crash } from "../../../../src/model/crash.js";
import { constants, enums } from "../../../../src/probes/blackbox/layout.js";
import { MadeBox } from "../blackbox/made-box.js";
import { decode, ended, LIBRARY, LIBRARY_AT, PROGRAM, PROGRAM_AT, symbols } from "./step.js";

const [RDI, RSP, RIP, ERR, TRAP] = [8, 15, 16, 19, 20];
const PAGE_FAULT = 14n;
const { signalState: STATE, blockState: BLOCK } = enums;
const NAMES = symbols(
  {
    [LIBRARY_AT + 0x100]: "read_block < store_get",
    [LIBRARY_AT + 0x1ff]: "make_block",
    [LIBRARY_AT + 0x2ff]: "drop_block",
    [LIBRARY_AT + 0x400]: "their_handler",
    [PROGRAM_AT + 0x0ff]: "main",
  },
  { instructions: { "100.0.1": "mov    0x8(%rdi),%eax" } },
);
const MAPS =
  "00100000-00110000 r-xp 00000000 00:1f 7  /usr/bin/app\n00200000-00210000 r-xp 00000000 00:1f 7  /opt/libstore.so (deleted)\n7f00-7f01 rw-p 0 00:00 0\n";

function box(): MadeBox {
  return new MadeBox()
    .process(PROGRAM, ["app", "x"])
    .module(1, PROGRAM, PROGRAM_AT, { flags: 1 })
    .module(2, LIBRARY, LIBRARY_AT, { flags: 2 })
    .module(3, "/opt/old.so", 0x300000)
    .add("moduleGone", { id: 3 })
    .add("handler", { number: 11, handler: LIBRARY_AT + 0x400, flags: 0x08000000 })
    .add("handler", { number: 7, handler: 1 })
    .stack(1, [LIBRARY_AT + 0x100, PROGRAM_AT + 0x100], { exact: true, end: enums.stackEnd.outermost })
    .stack(2, [LIBRARY_AT + 0x200])
    .stack(3, [LIBRARY_AT + 0x300]);
}

function faulted(
  made: MadeBox,
  values: Record<string, number | bigint> = {},
  registers: Record<number, bigint> = {},
): MadeBox {
  return made.signal(
    { id: 1, number: 11, code: 1, address: 0x18n, state: STATE.terminal, stack: 1, ...values },
    { [RIP]: BigInt(LIBRARY_AT + 0x100), [RSP]: 0x7f00n, [RDI]: 0x10n, [TRAP]: PAGE_FAULT, [ERR]: 4n, ...registers },
  );
}

function crashOf(made: MadeBox, end = ended(null, "SIGSEGV")): { crash: Crash; errors: CheckerError[] } {
  const { crashes, checkerErrors } = decode({ "box.100.0": made }, end, { symbols: NAMES });
  expect(crashes).toHaveLength(1);
  return { crash: Crash.parse(crashes[0]), errors: checkerErrors.map((error) => CheckerError.parse(error)) };
}

describe("a fatal signal", () => {
  it("has its registers, access, maps, stack and handlers", () => {
    const made = faulted(box())
      .capture(1, "maps", Buffer.from(MAPS.slice(0, 50)), { index: 0 })
      .capture(1, "maps", Buffer.from(MAPS.slice(50)), { index: 1 })
      .capture(1, "window", Buffer.from("0011", "hex"), { index: RSP, address: 0x7f00n })
      .capture(1, "abortMessage", Buffer.from("double free\n\0"));
    const { crash, errors } = crashOf(made);
    expect(errors).toEqual([]);
    expect(crash).toMatchObject({
      probe: "signals",
      pid: 100,
      command: ["app", "x"],
      executable: PROGRAM,
      terminal: 1,
      signal: { name: "SIGSEGV", codeName: "SEGV_MAPERR", address: "0x18" },
      access: { kind: "read", size: 4, address: "0x18", base: { register: "rdi", value: "0x10" } },
      instruction: "mov    0x8(%rdi),%eax",
      stackBounds: { low: "0x7f00", high: "0x7f01" },
      memory: [{ register: "rsp", start: "0x7f00", bytes: "0011" }],
      abortMessage: { text: "double free" },
      handlers: [
        { signal: "SIGSEGV", module: LIBRARY, function: "their_handler", onStack: true },
        { signal: "SIGBUS", handler: null },
      ],
      unloaded: [{ path: "/opt/old.so" }],
      incomplete: null,
    });
    expect(crash.maps.map(({ path }) => path)).toEqual([PROGRAM, LIBRARY, null]);
    expect(crash.threads[0]?.frames.map(({ function: name, kind }) => [name, kind])).toEqual([
      ["read_block", "inlined"],
      ["store_get", "normal"],
      ["main", "normal"],
    ]);
    expect(crash.timeline).toMatchObject([{ id: 1, role: "first-hand", function: "store_get", threadName: "worker" }]);
  });

  it("that the processor calls a write is one, though nobody could take the instruction apart", () => {
    const { crash } = crashOf(faulted(box(), { id: 2, stack: 0 }, { [ERR]: 6n }));
    expect(crash).toMatchObject({ access: { kind: "write", address: "0x18" }, instruction: null });
    expect(crash.threads[0]).toMatchObject({ frames: [], truncated: "no stack was recorded" });
  });

  it("has Python's own frames where CPython's evaluator runs them", () => {
    const words = Buffer.from('Current thread 0x1 (most recent call first):\n  File "/app/x.py", line 3 in flush\n');
    const { crash } = crashOf(faulted(box()).capture(1, "hostFrames", words));
    expect(crash.threads[0]?.frames.map(({ function: name }) => name)).toEqual([
      "read_block",
      "store_get",
      "main",
      "flush",
    ]);
  });

  it("of a process that was told to end, or ended well, is none", () => {
    const { crashes } = decode({ "box.100.0": faulted(box(), { state: STATE.redirected }) }, ended(0));
    expect(crashes).toEqual([]);
  });
});

const FREED = {
  address: 0x7f0080001000n,
  size: 64,
  offset: 8,
  state: BLOCK.freed,
  allocStack: 2,
  freeStack: 3,
  allocTid: 100,
  freeTid: 100,
  allocFamily: 1,
  freeFamily: 1,
  guarded: 1,
};

describe("a fault at a closed page", () => {
  it("is an access to a freed block, beside the crash", () => {
    const made = faulted(box(), { number: 7, code: 2, address: 0x7f0080001008n }).pointer(
      1,
      constants.indexFault,
      { value: 0x7f0080001008n },
      FREED,
    );
    const { crash, errors } = crashOf(made, ended(null, "SIGBUS"));
    expect(crash.heap?.pointers).toMatchObject([
      { register: "the address", truncated: false, block: { state: "freed" } },
    ]);
    expect(errors).toMatchObject([
      { probe: "heap", mistake: "freed-access", fatal: true, signal: { name: "SIGBUS" }, block: { offset: 8 } },
    ]);
    expect(errors[0]?.stacks.map(({ role, frames }) => `${role} ${frames[0]?.function}`)).toEqual([
      "fault read_block",
      "free drop_block",
      "alloc make_block",
    ]);
    expect(errors[0]?.damage).toBeUndefined();
  });

  it.each([
    [64, "access behind a block"],
    [-1, "access before a block"],
  ])("at offset %i of a live one is an %s", (offset, kind) => {
    const block = { ...FREED, state: BLOCK.live, freeStack: 0, offset };
    const made = faulted(box(), { address: 0x7f0080001040n }).pointer(1, constants.indexFault, { value: 1n }, block);
    expect(crashOf(made).errors).toMatchObject([{ mistake: "heap-bounds", kind }]);
  });

  it("of a live block's inside is no error of the heap", () => {
    const block = { ...FREED, state: BLOCK.live };
    expect(crashOf(faulted(box()).pointer(1, constants.indexFault, { value: 1n }, block)).errors).toEqual([]);
  });

  it("by a pointer that lost its upper half is a matter of the crash alone", () => {
    const how = enums.pointerHow.truncated;
    const { crash, errors } = crashOf(
      faulted(box()).pointer(1, constants.indexFault, { value: 0x80001008n, how }, FREED),
    );
    expect(errors).toEqual([]);
    expect(crash.heap?.pointers[0]).toMatchObject({ truncated: true, value: "0x80001008" });
  });
});
