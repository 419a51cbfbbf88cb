import { constants, enums, MAGIC, structs } from "../../../../src/probes/blackbox/layout.js";

/** Numbers for the fields of one struct: by size of the field, as the header has it. */
type Values = Record<string, number | bigint>;

const WIDE: Record<string, readonly string[]> = {
  boxHeader: [
    "realtime",
    "monotonic",
    "ticks",
    "lastMonotonic",
    "lastTicks",
    "journalUsed",
    "journalRoom",
    "dropped",
    "heapLow",
    "heapHigh",
  ],
  record: ["monotonic"],
  process: [],
  module: ["base", "low", "high"],
  moduleGone: [],
  stack: [],
  block: ["address", "size", "offset", "allocTicks", "freeTicks", "checkedTicks"],
  heapError: ["address", "changedTotal", "changedLast"],
  leak: ["blocks", "bytes"],
  freedBy: [],
  signal: ["address", "handler", "frame", "newPc", "newSp", "ended"],
  capture: ["address"],
  pointer: ["value"],
  handler: ["handler", "mask", "caller"],
  exit: ["caller"],
  note: ["a", "b"],
  changed: [],
};
const HALF = new Set(["allocFamily", "freeFamily", "family", "changedShown", "kind16"]);
const BYTE = new Set(["allocFill", "freeFill", "canary", "signalsOn", "is", "was"]);

type Struct = keyof typeof structs;

function put(bytes: Buffer, base: number, struct: Struct, values: Values): void {
  const at = structs[struct].at as Record<string, number>;
  for (const [name, value] of Object.entries(values)) {
    const offset = at[name];
    if (offset === undefined) {
      throw new Error(`${struct} has no ${name}`);
    }
    if (WIDE[struct]?.includes(name)) {
      bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), base + offset);
    } else if (BYTE.has(name)) {
      bytes.writeUInt8(Number(value), base + offset);
    } else if (HALF.has(name)) {
      bytes.writeUInt16LE(Number(value), base + offset);
    } else {
      bytes.writeUInt32LE(Number(BigInt.asUintN(32, BigInt(value))), base + offset);
    }
  }
}

export type MadeBlock = Values;

/** Writes a black box as the recorder would, for tests. Times: one tick is one nanosecond, and the box begins at 1 s. */
export class MadeBox {
  private readonly records: Buffer[] = [];
  private readonly header: Values;
  private sequence = 0;
  private readonly counters: Partial<Record<keyof typeof enums.counter, number>> = {};

  constructor(header: Values = {}) {
    this.header = {
      version: constants.boxVersion,
      headerSize: constants.boxHeader,
      pid: 100,
      parentPid: 1,
      monotonic: 1_000_000_000n,
      ticks: 1_000_000_000n,
      lastMonotonic: 9_000_000_000n,
      lastTicks: 9_000_000_000n,
      heapMode: enums.heapMode.poison,
      stacksMode: enums.stacksMode.full,
      allocFill: 0xa5,
      freeFill: 0x5a,
      signalsOn: 1,
      ...header,
    };
  }

  count(counter: keyof typeof enums.counter, value: number): this {
    this.counters[counter] = value;
    return this;
  }

  /** A record of any kind with what comes behind it. */
  add(
    kind: keyof typeof enums.kind,
    values: Values,
    more: { tail?: Buffer; head?: Values; fill?: (bytes: Buffer) => void } = {},
  ): this {
    const { tail = Buffer.alloc(0), head = {} } = more;
    const size = Math.ceil((structs[kind].size + tail.length) / 8) * 8;
    const bytes = Buffer.alloc(size);
    bytes.writeUInt32LE(size, structs.record.at.size);
    bytes.writeUInt16LE(enums.kind[kind], structs.record.at.kind);
    bytes.writeUInt16LE(constants.recordMark, structs.record.at.mark);
    this.sequence += 1;
    put(bytes, 0, "record", {
      monotonic: 1_000_000_000n + BigInt(this.sequence) * 1_000_000n,
      tid: 100,
      sequence: this.sequence,
      ...head,
    });
    put(bytes, 0, kind, values);
    tail.copy(bytes, structs[kind].size);
    more.fill?.(bytes);
    this.records.push(bytes);
    return this;
  }

  raw(bytes: Buffer): this {
    this.records.push(bytes);
    return this;
  }

  process(executable: string, command: readonly string[]): this {
    const path = Buffer.from(`${executable}\0`);
    const words = Buffer.from(command.map((word) => `${word}\0`).join(""));
    return this.add(
      "process",
      { executableSize: path.length, argumentsSize: words.length },
      { tail: Buffer.concat([path, words]) },
    );
  }

  module(id: number, path: string, low: number, options: { flags?: number; size?: number } = {}): this {
    const tail = Buffer.from(`${path}\0`);
    return this.add(
      "module",
      {
        id,
        flags: options.flags ?? 0,
        base: low,
        low,
        high: low + (options.size ?? 0x10000),
        pathSize: tail.length,
      },
      { tail },
    );
  }

  stack(id: number, pcs: readonly number[], options: { exact?: boolean; end?: number } = {}): this {
    const tail = Buffer.alloc(pcs.length * 8);
    pcs.forEach((pc, i) => {
      tail.writeBigUInt64LE(BigInt(pc), i * 8);
    });
    return this.add(
      "stack",
      { id, count: pcs.length, flags: options.exact === true ? 1 : 0, end: options.end ?? enums.stackEnd.boundary },
      { tail },
    );
  }

  heapError(
    values: Values,
    block: MadeBlock,
    changed: readonly [offset: number, was: number, is: number][] = [],
  ): this {
    const all = { changedShown: changed.length, changedTotal: changed.length, changedLast: changed.at(-1)?.[0] ?? 0 };
    return this.add(
      "heapError",
      { ...all, ...values },
      {
        fill: (bytes) => {
          put(bytes, structs.heapError.at.block, "block", block);
          changed.forEach(([offset, was, is], i) => {
            const at = structs.heapError.at.changed + i * structs.changed.size;
            put(bytes, at, "changed", { offset, was, is });
          });
        },
      },
    );
  }

  leak(values: Values, block: MadeBlock): this {
    return this.add("leak", values, { fill: (bytes) => put(bytes, structs.leak.at.example, "block", block) });
  }

  freedBy(block: MadeBlock): this {
    return this.add("freedBy", {}, { fill: (bytes) => put(bytes, structs.freedBy.at.block, "block", block) });
  }

  /** Registers by their place in gregs. */
  signal(values: Values, registers: Record<number, bigint> = {}, head: Values = {}): this {
    return this.add(
      "signal",
      { disposition: enums.disposition.default, ...values },
      {
        head,
        fill: (bytes) => {
          for (const [index, value] of Object.entries(registers)) {
            bytes.writeBigUInt64LE(BigInt.asUintN(64, value), structs.signal.at.registers + Number(index) * 8);
          }
          bytes.write("worker", structs.signal.at.threadName);
        },
      },
    );
  }

  capture(signal: number, part: keyof typeof enums.part, tail: Buffer, values: Values = {}): this {
    return this.add("capture", { signal, part: enums.part[part], length: tail.length, ...values }, { tail });
  }

  pointer(signal: number, index: number, values: Values, block: MadeBlock): this {
    const bytes = Buffer.alloc(structs.pointer.size);
    put(bytes, 0, "pointer", { how: enums.pointerHow.whole, ...values });
    put(bytes, structs.pointer.at.block, "block", block);
    return this.capture(signal, "pointer", bytes, { index });
  }

  note(code: keyof typeof enums.noteCode, values: Values = {}, text = ""): this {
    const tail = text === "" ? Buffer.alloc(0) : Buffer.from(`${text}\0`);
    return this.add("note", { code: enums.noteCode[code], textSize: tail.length, ...values }, { tail });
  }

  bytes(): Buffer {
    const journal = Buffer.concat(this.records);
    const header = Buffer.alloc(constants.boxHeader);
    header.write(MAGIC, 0, "latin1");
    put(header, 0, "boxHeader", { journalUsed: journal.length, journalRoom: journal.length, ...this.header });
    for (const [name, value] of Object.entries(this.counters)) {
      const index = enums.counter[name as keyof typeof enums.counter];
      header.writeBigUInt64LE(BigInt(value), structs.boxHeader.at.counters + index * 8);
    }
    return Buffer.concat([header, journal]);
  }
}
