import { Fields } from "./fields.js";
import { constants, type NameOf, nameIn, structs } from "./layout.js";
import type { Box, ChangedByte } from "./records.js";

interface Place {
  at: number;
  size: number;
  order: number;
}

interface Taken {
  fields: Fields;
  size: number;
  head: { monotonic: bigint; tid: number; order: number };
}

/** Puts a finished record where it belongs. False for one whose own parts do not fit into it, or of a kind that is not known. */
export function takeRecord(box: Box, bytes: Buffer, { at, size, order }: Place): boolean {
  const kind = nameIn("kind", bytes.readUInt16LE(at + structs.record.at.kind));
  if (kind === null || size < structs[kind].size) {
    return false;
  }
  const fields = new Fields(bytes, at);
  const head = {
    monotonic: fields.u64(structs.record.at.monotonic),
    tid: fields.u32(structs.record.at.tid),
    order,
  };
  return TAKE[kind](box, { fields, size, head });
}

const TAKE: Record<NameOf<"kind">, (box: Box, taken: Taken) => boolean> = {
  process: (box, { fields, size, head }) => {
    const { at: f, size: fixed } = structs.process;
    const [executable, rest] = [fields.u32(f.executableSize), fields.u32(f.argumentsSize)];
    if (executable + rest > size - fixed) {
      return false;
    }
    const path = fields.text(f.text, executable);
    box.processes.push({
      ...head,
      executable: path === "" ? null : path.replace(/ \(deleted\)$/, ""),
      command: fields.texts(f.text + executable, rest),
    });
    return true;
  },
  module: (box, { fields, size, head }) => {
    const { at: f, size: fixed } = structs.module;
    const [buildId, path, flags] = [fields.u32(f.buildIdSize), fields.u32(f.pathSize), fields.u32(f.flags)];
    if (buildId > f.path - f.buildId || path > size - fixed) {
      return false;
    }
    box.modules.push({
      ...head,
      id: fields.u32(f.id),
      program: (flags & 1) !== 0,
      inQuestion: (flags & 2) !== 0,
      recorder: (flags & 4) !== 0,
      base: fields.u64(f.base),
      low: fields.u64(f.low),
      high: fields.u64(f.high),
      buildId: buildId === 0 ? null : fields.hex(f.buildId, buildId),
      path: fields.text(f.path, path),
    });
    return true;
  },
  moduleGone: (box, { fields, head }) => {
    box.modulesGone.push({ ...head, id: fields.u32(structs.moduleGone.at.id) });
    return true;
  },
  stack: (box, { fields, size, head }) => {
    const { at: f, size: fixed } = structs.stack;
    const [id, count] = [fields.u32(f.id), fields.u32(f.count)];
    if (count > (size - fixed) / 8) {
      return false;
    }
    box.stacks.set(id, {
      ...head,
      id,
      exact: (fields.u32(f.flags) & 1) !== 0,
      end: fields.named("stackEnd", fields.u32(f.end)),
      pcs: Array.from({ length: count }, (_, i) => fields.u64(f.pcs + i * 8)),
    });
    return true;
  },
  heapError: (box, { fields, head }) => {
    const { at: f } = structs.heapError;
    const shown = Math.min(fields.u16(f.changedShown), constants.changedShown);
    box.heapErrors.push({
      ...head,
      error: fields.named("heapErrorKind", fields.u32(f.error)),
      foundAt: fields.named("foundAt", fields.u32(f.foundAt)),
      address: fields.u64(f.address),
      block: fields.block(f.block),
      stack: fields.u32(f.stack),
      family: fields.named("family", fields.u16(f.family)),
      changed: Array.from({ length: shown }, (_, i) => changedAt(fields, f.changed + i * structs.changed.size)),
      changedTotal: fields.u64(f.changedTotal),
      changedLast: fields.i64(f.changedLast),
    });
    return true;
  },
  leak: (box, { fields, head }) => {
    const { at: f } = structs.leak;
    box.leaks.push({
      ...head,
      kind: fields.named("leakKind", fields.u32(f.kind)),
      stack: fields.u32(f.stack),
      blocks: fields.u64(f.blocks),
      bytes: fields.u64(f.bytes),
      example: fields.block(f.example),
    });
    return true;
  },
  freedBy: (box, { fields, head }) => {
    box.freedBy.push({ ...head, block: fields.block(structs.freedBy.at.block) });
    return true;
  },
  signal: (box, { fields, head }) => {
    const { at: f } = structs.signal;
    box.signals.push({
      ...head,
      id: fields.u32(f.id),
      number: fields.i32(f.number),
      code: fields.i32(f.code),
      senderPid: fields.i32(f.senderPid),
      address: fields.u64(f.address),
      handler: fields.u64(f.handler),
      handlerFlags: fields.u32(f.handlerFlags),
      disposition: fields.named("disposition", fields.u32(f.disposition)),
      state: fields.named("signalState", fields.u32(f.state)),
      parent: fields.u32(f.parent),
      blocked: fields.u32(f.blocked) !== 0,
      stack: fields.u32(f.stack),
      registers: Array.from({ length: constants.registers }, (_, i) => fields.u64(f.registers + i * 8)),
      threadName: fields.text(f.threadName, constants.threadName),
    });
    return true;
  },
  capture: (box, { fields, size, head }) => {
    const { at: f, size: fixed } = structs.capture;
    const length = fields.u32(f.length);
    if (length > size - fixed) {
      return false;
    }
    box.captures.push({
      ...head,
      signal: fields.u32(f.signal),
      part: fields.named("part", fields.u32(f.part)),
      index: fields.u32(f.index),
      address: fields.u64(f.address),
      bytes: fields.copy(f.bytes, length),
    });
    return true;
  },
  handler: (box, { fields, head }) => {
    const { at: f } = structs.handler;
    box.handlers.push({
      ...head,
      number: fields.i32(f.number),
      flags: fields.u32(f.flags),
      handler: fields.u64(f.handler),
      caller: fields.u64(f.caller),
      found: fields.u32(f.found) !== 0,
    });
    return true;
  },
  exit: (box, { fields, head }) => {
    const { at: f } = structs.exit;
    box.exits.push({
      ...head,
      how: fields.named("exitHow", fields.u32(f.how)),
      status: fields.i32(f.status),
      caller: fields.u64(f.caller),
    });
    return true;
  },
  note: (box, { fields, size, head }) => {
    const { at: f, size: fixed } = structs.note;
    const length = fields.u32(f.textSize);
    if (length > size - fixed) {
      return false;
    }
    box.notes.push({
      ...head,
      code: fields.named("noteCode", fields.u32(f.code)),
      a: fields.u64(f.a),
      b: fields.u64(f.b),
      text: fields.text(f.text, length),
    });
    return true;
  },
};

function changedAt(fields: Fields, at: number): ChangedByte {
  const { at: f } = structs.changed;
  return { offset: fields.i32(at + f.offset), is: fields.u8(at + f.is), was: fields.u8(at + f.was) };
}
