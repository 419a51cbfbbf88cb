import { Fields } from "./fields.js";
import { constants, enums, MAGIC, type NameOf, nameIn, structs } from "./layout.js";
import type { Box, BoxHeader, Pointer } from "./records.js";
import { takeRecord } from "./take-record.js";

const HEAD = structs.record;
const STEP = 8;

/**
 * A box, whole or damaged anywhere; null for what is no box of this version. Never throws. After a stretch that is no record the next one
 * is looked for at each eight bytes.
 */
export function readBox(bytes: Buffer): Box | null {
  const header = readHeader(bytes);
  if (header === null) {
    return null;
  }
  const box: Box = {
    header,
    processes: [],
    modules: [],
    modulesGone: [],
    stacks: new Map(),
    heapErrors: [],
    leaks: [],
    freedBy: [],
    signals: [],
    captures: [],
    handlers: [],
    exits: [],
    notes: [],
    damaged: 0,
    torn: 0,
  };
  readJournal(box, bytes, endOfJournal(bytes));
  return box;
}

function readHeader(bytes: Buffer): BoxHeader | null {
  const { at: f } = structs.boxHeader;
  if (bytes.length < constants.boxHeader || bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) {
    return null;
  }
  const fields = new Fields(bytes, 0);
  if (fields.u32(f.version) !== constants.boxVersion) {
    return null;
  }
  const from = fields.u32(f.forkedFromPid);
  return {
    pid: fields.u32(f.pid),
    parentPid: fields.u32(f.parentPid),
    image: fields.u32(f.image),
    realtime: fields.u64(f.realtime),
    monotonic: fields.u64(f.monotonic),
    ticks: fields.u64(f.ticks),
    lastMonotonic: fields.u64(f.lastMonotonic),
    lastTicks: fields.u64(f.lastTicks),
    dropped: fields.u64(f.dropped),
    firstStack: fields.u32(f.firstStack),
    forkedFrom: from === 0 ? null : { pid: from, image: fields.u32(f.forkedFromImage) },
    heapMode: nameIn("heapMode", fields.u32(f.heapMode)),
    stacksMode: nameIn("stacksMode", fields.u32(f.stacksMode)),
    guardRung: nameIn("guardRung", fields.u32(f.guardRung)),
    allocFill: fields.u8(f.allocFill),
    freeFill: fields.u8(f.freeFill),
    signalsOn: fields.u8(f.signalsOn) !== 0,
    heapLow: fields.u64(f.heapLow),
    heapHigh: fields.u64(f.heapHigh),
    counters: Object.fromEntries(
      Object.entries(enums.counter).map(([name, index]) => [name, fields.u64(f.counters + index * 8)]),
    ) as Record<NameOf<"counter">, bigint>,
  };
}

/** A number of bytes that the file does not have is damaged, and all of it is looked through. */
function endOfJournal(bytes: Buffer): number {
  const used = bytes.readBigUInt64LE(structs.boxHeader.at.journalUsed);
  const end = BigInt(constants.boxHeader) + used;
  return end > BigInt(bytes.length) ? bytes.length : Number(end);
}

function readJournal(box: Box, bytes: Buffer, end: number): void {
  let at: number = constants.boxHeader;
  let order = 0;
  while (at + HEAD.size <= end) {
    const size = bytes.readUInt32LE(at + HEAD.at.size);
    const whole = isHead(bytes, at, end);
    if (whole && bytes.readUInt16LE(at + HEAD.at.mark) === constants.recordMark) {
      box.damaged += takeRecord(box, bytes, { at, size, order }) ? 0 : 1;
      order += 1;
      at += size;
    } else if (whole && follows(bytes, at + size, end)) {
      box.torn += 1;
      at += size;
    } else {
      const next = nextRecord(bytes, at + STEP, end);
      if (bytes.subarray(at, Math.min(next, at + HEAD.size)).every((byte) => byte === 0)) {
        box.torn += 1;
      } else {
        box.damaged += 1;
      }
      at = next;
    }
  }
  // A record that does not fit in what is left of a file that was cut.
  box.torn += at < end && bytes.subarray(at, end).some((byte) => byte !== 0) ? 1 : 0;
}

/** Whether a record may begin here: finished, or still being written. */
function isHead(bytes: Buffer, at: number, end: number): boolean {
  const size = bytes.readUInt32LE(at + HEAD.at.size);
  const mark = bytes.readUInt16LE(at + HEAD.at.mark);
  return (
    size >= HEAD.size &&
    size % STEP === 0 &&
    size <= end - at &&
    (mark === constants.recordMark || mark === 0) &&
    nameIn("kind", bytes.readUInt16LE(at + HEAD.at.kind)) !== null
  );
}

/** An unfinished record's size is taken for true where another record, or nothing, comes behind it. */
function follows(bytes: Buffer, at: number, end: number): boolean {
  return at + HEAD.size > end || isHead(bytes, at, end) || bytes.readUInt32LE(at + HEAD.at.size) === 0;
}

function nextRecord(bytes: Buffer, from: number, end: number): number {
  for (let at = from; at + HEAD.size <= end; at += STEP) {
    if (bytes.readUInt16LE(at + HEAD.at.mark) === constants.recordMark && isHead(bytes, at, end)) {
      return at;
    }
  }
  return end;
}

/** What a capture of a register's value says of a watched block; null where its bytes are too few. */
export function pointerIn(bytes: Buffer): Pointer | null {
  const { at: f, size } = structs.pointer;
  if (bytes.length < size) {
    return null;
  }
  const fields = new Fields(bytes, 0);
  return {
    value: fields.u64(f.value),
    how: fields.named("pointerHow", fields.u32(f.how)),
    block: fields.block(f.block),
  };
}
