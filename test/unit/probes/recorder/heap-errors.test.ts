import { describe, expect, it } from "vitest";
import { CheckerError } from "../../../../src/model/checker-error.js";
import { enums } from "../../../../src/probes/blackbox/layout.js";
import { MadeBox } from "../blackbox/made-box.js";
import { decode, ended, LIBRARY, LIBRARY_AT, PROGRAM, PROGRAM_AT, symbols } from "./step.js";

const { heapErrorKind: ERROR, foundAt: FOUND, family: FAMILY, blockState: STATE } = enums;

/** Ticks and nanoseconds are one: so many milliseconds after the box began. */
const at = (ms: number): bigint => 1_000_000_000n + BigInt(ms) * 1_000_000n;

const BLOCK = {
  address: 0x7f0080001000n,
  size: 64,
  offset: 64,
  state: STATE.live,
  allocFamily: FAMILY.malloc,
  allocStack: 1,
  allocTid: 100,
  allocTicks: at(10),
  checkedTicks: at(10),
  module: 2,
};
const FREED = {
  ...BLOCK,
  state: STATE.freed,
  freeFamily: FAMILY.malloc,
  freeStack: 2,
  freeTid: 101,
  freeTicks: at(20),
};

const NAMES = symbols({
  [LIBRARY_AT + 0x0ff]: "make_block < store_put",
  [LIBRARY_AT + 0x1ff]: "drop_block",
  [LIBRARY_AT + 0x2ff]: "store_close",
  [PROGRAM_AT + 0x0ff]: "main",
});

function box(): MadeBox {
  return new MadeBox()
    .process(PROGRAM, ["app", "x"])
    .module(1, PROGRAM, PROGRAM_AT, { flags: 1 })
    .module(2, LIBRARY, LIBRARY_AT, { flags: 2 })
    .stack(1, [LIBRARY_AT + 0x100, PROGRAM_AT + 0x100])
    .stack(2, [LIBRARY_AT + 0x200, PROGRAM_AT + 0x100])
    .stack(3, [LIBRARY_AT + 0x300, PROGRAM_AT + 0x100]);
}

function only(made: MadeBox): CheckerError {
  const { checkerErrors } = decode({ "box.100.0": made }, ended(0), { symbols: NAMES });
  expect(checkerErrors).toHaveLength(1);
  return CheckerError.parse(checkerErrors[0]);
}

const shape = (error: CheckerError): string[] =>
  error.stacks.map(({ role, frames }) => `${role}: ${frames.map((frame) => frame.function ?? frame.module).join(" ")}`);

describe("damage that was found later", () => {
  it("is told with its times and bytes, and no stack is taken for the fault's", () => {
    const error = only(
      box().heapError({ error: ERROR.overflow, foundAt: FOUND.exit, address: 0x7f0080001040n, stack: 3 }, BLOCK, [
        [64, 0xfd, 0x41],
        [65, 0xfd, 0x42],
      ]),
    );
    expect(error).toMatchObject({
      probe: "heap",
      mistake: "heap-bounds",
      access: { kind: "write", size: 2, address: "0x7f0080001040" },
      block: { address: "0x7f0080001000", size: 64, offset: 64, state: "live", allocatedBy: "malloc" },
      damage: {
        bytes: 2,
        afterMs: 10,
        found: "at the end of the process",
        changed: [{ offset: 64, was: "fd", is: "41" }, {}],
      },
      command: ["app", "x"],
      executable: PROGRAM,
      fatal: false,
    });
    expect(error.damage?.beforeMs).toBeCloseTo(7, 0);
    expect(shape(error)).toEqual(["alloc: make_block store_put main"]);
    expect(error.stacks[0]?.frames.map(({ kind }) => kind)).toEqual(["inlined", "normal", "normal"]);
  });

  it("of a freed block came after the free, or after the last check", () => {
    const wrong = { error: ERROR.writeAfterFree, foundAt: FOUND.eviction, address: 0x7f0080001010n, stack: 3 };
    const error = only(box().heapError(wrong, { ...FREED, offset: 16 }, [[16, 0x5a, 0]]));
    expect(error).toMatchObject({ mistake: "freed-access", block: { state: "freed", freedBy: "free" } });
    expect(error.damage?.afterMs).toBe(20);
    expect(shape(error)).toEqual(["alloc: make_block store_put main", "free: drop_block main"]);
    const later = only(box().heapError(wrong, { ...FREED, offset: 16, checkedTicks: at(300) }, [[16, 0x5a, 0]]));
    expect(later.damage?.afterMs).toBe(300);
  });

  it("that the free of the block found has that free's stack for its freeing", () => {
    const error = only(
      box().heapError({ error: ERROR.underflow, foundAt: FOUND.free, stack: 3 }, { ...BLOCK, offset: -4 }, [
        [-4, 0xfd, 1],
      ]),
    );
    expect(error).toMatchObject({
      mistake: "heap-bounds",
      block: { offset: -4 },
      damage: { found: "when the block was freed" },
    });
    expect(shape(error)).toEqual(["alloc: make_block store_put main", "free: store_close main"]);
  });
});

describe("frees", () => {
  it.each([
    [
      "doubleFree",
      "double-free",
      FREED,
      ["fault: store_close main", "free: drop_block main", "alloc: make_block store_put main"],
    ],
    ["mismatch", "mismatched-free", BLOCK, ["fault: store_close main", "alloc: make_block store_put main"]],
    [
      "invalidFree",
      "invalid-free",
      { ...BLOCK, offset: 8 },
      ["fault: store_close main", "alloc: make_block store_put main"],
    ],
  ] as const)("%s is told where it was done", (kind, mistake, block, stacks) => {
    const error = only(
      box().heapError({ error: ERROR[kind], foundAt: FOUND.free, stack: 3, family: FAMILY.new }, block),
    );
    expect(error).toMatchObject({ mistake, access: { kind: "free" }, fatal: false });
    expect(error.damage).toBeUndefined();
    expect(shape(error)).toEqual(stacks);
  });

  it("by the other family are none where a library's own operator new called malloc", () => {
    const made = box().heapError({ error: ERROR.mismatch, foundAt: FOUND.free, stack: 3, family: FAMILY.new }, BLOCK);
    const names = structuredClone(NAMES);
    for (const frame of Object.values(names.modules[0]?.places ?? {}).flat()) {
      frame.function = frame.function === "make_block" ? "operator new(unsigned long)" : frame.function;
    }
    const of = (symbols: typeof NAMES) => decode({ "box.100.0": made }, ended(0), { symbols }).checkerErrors;
    expect(of(NAMES)).toHaveLength(1);
    expect(of(names)).toEqual([]);
  });

  it("of what is no block at all have none", () => {
    const error = only(box().heapError({ error: ERROR.invalidFree, foundAt: FOUND.free, stack: 3, address: 0x10 }, {}));
    expect(error.block).toBeNull();
    expect(error.text).toContain("at which no block begins");
  });
});

describe("without stacks", () => {
  it("the module is known whose import allocated the block", () => {
    const made = box().heapError({ error: ERROR.overflow, foundAt: FOUND.exit }, { ...BLOCK, allocStack: 0 }, [
      [64, 1, 2],
    ]);
    expect(shape(only(made))).toEqual([`alloc: ${LIBRARY}`]);
  });

  it("where a free was done is unknown, and the first free is not taken for it", () => {
    const error = only(box().heapError({ error: ERROR.doubleFree, foundAt: FOUND.free, stack: 0 }, FREED));
    expect(shape(error)[0]).toBe("fault: ");
  });
});

describe("a forked child", () => {
  it("has the stacks of its parent's box", () => {
    const child = new MadeBox({ pid: 200, parentPid: 100, forkedFromPid: 100, forkedFromImage: 0, firstStack: 4 })
      .module(2, LIBRARY, LIBRARY_AT, { flags: 2 })
      .heapError({ error: ERROR.overflow, foundAt: FOUND.exit }, BLOCK, [[64, 1, 2]]);
    const { checkerErrors, processes } = decode({ "box.100.0": box(), "box.200.0": child }, ended(0), {
      symbols: NAMES,
    });
    expect(checkerErrors.map((error) => [error.pid, ...shape(error)])).toEqual([
      [200, "alloc: make_block store_put main"],
    ]);
    expect(processes).toMatchObject([
      { pid: 100, parent: 1, command: ["app", "x"], outcome: { exitCode: 0 } },
      { pid: 200, parent: 100, command: ["app", "x"], outcome: { exitCode: null } },
    ]);
  });
});

describe("leaks", () => {
  it("are told by the place that allocated them", () => {
    const error = only(box().leak({ kind: 1, stack: 1, blocks: 3, bytes: 192 }, BLOCK));
    expect(error).toMatchObject({ mistake: "leak", leak: { blocks: 3, bytes: 192, kind: "definite" } });
    expect(shape(error)).toEqual(["fault: make_block store_put main"]);
  });
});

describe("a target without a box", () => {
  it("was not recorded, which is never the same as clean", () => {
    expect(decode({}, ended(0)).obstacles).toMatchObject([{ what: "the recorder was not loaded into the target" }]);
    expect(decode({ "box.100.0": box() }, ended(0)).obstacles).toEqual([]);
  });
});
