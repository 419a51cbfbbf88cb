import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { constants, enums, structs } from "../../../../src/probes/blackbox/layout.js";
import { pointerIn, readBox } from "../../../../src/probes/blackbox/reader.js";
import { MadeBox } from "./made-box.js";

const BLOCK = { address: 0x7f0080001000n, size: 64, offset: 64, state: 1, allocStack: 1, module: 2, guarded: 1 };

function full(): MadeBox {
  return new MadeBox({ dropped: 3, forkedFromPid: 99, forkedFromImage: 1 })
    .count("allocations", 12)
    .process("/usr/bin/app", ["app", "--flag", ""])
    .module(1, "/usr/bin/app", 0x1000, { flags: 1 })
    .module(2, "/opt/libstore.so", 0x200000, { flags: 2 })
    .stack(1, [0x200123, 0x1100], { exact: true })
    .heapError({ error: enums.heapErrorKind.overflow, foundAt: enums.foundAt.exit, address: 64 }, BLOCK, [[64, 0, 65]])
    .leak({ kind: 1, stack: 1, blocks: 2, bytes: 128 }, BLOCK)
    .freedBy(BLOCK)
    .signal({ id: 1, number: 11, code: 1, address: 0x18n, state: enums.signalState.terminal }, { 16: 0x200120n })
    .capture(1, "maps", Buffer.from("7f0000-7f1000 r-xp 0 00:00 0 /x\n"))
    .pointer(1, constants.indexFault, { value: 0x7f0080001040n }, BLOCK)
    .add("handler", { number: 11, handler: 0x1234, found: 1 })
    .add("exit", { how: enums.exitHow.now, status: -3 })
    .add("moduleGone", { id: 2 })
    .note("guardRefused", { a: 1, b: 38 }, "why");
}

describe("a whole box", () => {
  it("gives each record by its kind", () => {
    const box = readBox(full().bytes());
    expect(box).toMatchObject({
      header: { pid: 100, dropped: 3n, forkedFrom: { pid: 99, image: 1 }, heapMode: "poison", allocFill: 0xa5 },
      processes: [{ executable: "/usr/bin/app", command: ["app", "--flag", ""] }],
      modules: [
        { id: 1, program: true, path: "/usr/bin/app" },
        { id: 2, inQuestion: true, low: 0x200000n },
      ],
      modulesGone: [{ id: 2 }],
      heapErrors: [
        { error: "overflow", foundAt: "exit", changed: [{ offset: 64, was: 0, is: 65 }], block: { size: 64n } },
      ],
      leaks: [{ kind: "definite", blocks: 2n, bytes: 128n }],
      freedBy: [{ block: { guarded: true, state: "live" } }],
      signals: [{ number: 11, state: "terminal", threadName: "worker", address: 0x18n }],
      captures: [{ part: "maps" }, { part: "pointer", index: 255 }],
      handlers: [{ number: 11, found: true }],
      exits: [{ how: "now", status: -3 }],
      notes: [{ code: "guardRefused", a: 1n, text: "why" }],
      damaged: 0,
      torn: 0,
    });
    expect(box?.header.counters.allocations).toBe(12n);
    expect(box?.stacks.get(1)).toMatchObject({ exact: true, pcs: [0x200123n, 0x1100n], end: "boundary" });
    expect(box?.signals[0]?.registers[16]).toBe(0x200120n);
    expect(pointerIn(box?.captures[1]?.bytes ?? Buffer.alloc(0))).toMatchObject({
      how: "whole",
      block: { offset: 64n },
    });
  });

  it("may be followed by room that was never used", () => {
    const bytes = Buffer.concat([full().bytes(), Buffer.alloc(4096)]);
    expect(readBox(bytes)).toMatchObject({ damaged: 0, torn: 0 });
  });
});

describe("a box that is no box", () => {
  it.each([
    ["empty", Buffer.alloc(0)],
    ["of zeros", Buffer.alloc(8192)],
    ["cut in its header", full().bytes().subarray(0, 4000)],
    ["of another version", new MadeBox({ version: 99 }).bytes()],
  ])("%s gives nothing", (_, bytes) => {
    expect(readBox(bytes)).toBeNull();
  });
});

describe("a damaged box", () => {
  it("counts a record that was being written when the process ended, and goes on behind it", () => {
    const torn = full();
    const half = Buffer.alloc(40);
    half.writeUInt32LE(40, 0);
    half.writeUInt16LE(enums.kind.stack, 4);
    expect(readBox(torn.raw(half).note("sanitized").bytes())).toMatchObject({ torn: 1, damaged: 0, notes: [{}, {}] });
  });

  it("counts reserved space in which nothing was written", () => {
    expect(readBox(full().raw(Buffer.alloc(64)).note("sanitized").bytes())).toMatchObject({ torn: 1, notes: [{}, {}] });
    expect(readBox(full().raw(Buffer.alloc(64)).bytes())).toMatchObject({ torn: 1, damaged: 0 });
  });

  it("finds the next record behind bytes that are none", () => {
    const box = readBox(full().raw(Buffer.alloc(104, 0x77)).note("sanitized").bytes());
    expect(box).toMatchObject({ damaged: 1, notes: [{}, { code: "sanitized" }] });
  });

  it("leaves out a record whose own lengths do not fit", () => {
    const bytes = new MadeBox()
      .add("stack", { id: 1, count: 0xffffffff })
      .add("process", { executableSize: 0xffffffff, argumentsSize: 0xffffffff })
      .add("capture", { length: 0x80000000 })
      .add("module", { buildIdSize: 0xffff })
      .add("note", { textSize: 99 })
      .note("sanitized")
      .bytes();
    expect(readBox(bytes)).toMatchObject({ damaged: 5, notes: [{ code: "sanitized" }] });
  });

  it("with a journal longer than the file is read to its end", () => {
    const bytes = full().bytes();
    bytes.writeBigUInt64LE(1n << 60n, structs.boxHeader.at.journalUsed);
    expect(readBox(bytes)).toMatchObject({ notes: [{}], damaged: 0 });
  });

  it("never throws wherever it is cut", () => {
    const whole = full().bytes();
    fc.assert(
      fc.property(fc.nat(whole.length), (length) => {
        readBox(whole.subarray(0, length));
      }),
    );
  });

  it("never throws and never hangs whichever bytes are flipped", () => {
    const whole = full().bytes();
    const flip = fc.tuple(fc.oneof(fc.nat(200), fc.integer({ min: 4096, max: whole.length - 1 })), fc.nat(255));
    fc.assert(
      fc.property(fc.array(flip, { minLength: 1, maxLength: 20 }), (flips) => {
        const damaged = Buffer.from(whole);
        for (const [at, value] of flips) {
          damaged[at] = value;
        }
        const box = readBox(damaged);
        expect((box?.damaged ?? 0) + (box?.torn ?? 0)).toBeLessThan(whole.length);
      }),
      { numRuns: 500 },
    );
  });

  it("of 64 MiB without a single record is gone through in a moment", () => {
    const bytes = Buffer.concat([new MadeBox().bytes(), Buffer.alloc(64 << 20, 0x11)]);
    bytes.writeBigUInt64LE(1n << 40n, structs.boxHeader.at.journalUsed);
    const started = Date.now();
    expect(readBox(bytes)).toMatchObject({ damaged: 1 });
    expect(Date.now() - started).toBeLessThan(3000);
  });
});
