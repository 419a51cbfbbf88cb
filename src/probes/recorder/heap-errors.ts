import type { CheckerError, Mistake } from "../../model/checker-error.js";
import type { Stack } from "../../model/frame.js";
import type { NameOf } from "../blackbox/layout.js";
import type { Box, HeapErrorRecord, LeakRecord } from "../blackbox/records.js";
import { blockOf, hex, livesOf, safe } from "./blocks.js";
import type { Clock } from "./clock.js";
import { stackOf, type Told } from "./stacks.js";

export const CHECKER = "ffi-doctor's recorder";

type ErrorKind = NameOf<"heapErrorKind">;

const MISTAKES: Record<ErrorKind, Mistake> = {
  doubleFree: "double-free",
  invalidFree: "invalid-free",
  mismatch: "mismatched-free",
  overflow: "heap-bounds",
  underflow: "heap-bounds",
  writeAfterFree: "freed-access",
};
const KINDS: Record<ErrorKind, string> = {
  doubleFree: "double free",
  invalidFree: "invalid free",
  mismatch: "mismatched free",
  overflow: "overflow",
  underflow: "underflow",
  writeAfterFree: "write after free",
};
const FOUND: Record<NameOf<"foundAt">, string> = {
  free: "when the block was freed",
  realloc: "when the block was reallocated",
  eviction: "when the block was to be used again",
  sweep: "by a check on the way",
  exit: "at the end of the process",
  signal: "when a fatal signal came",
};

const OPERATOR = /^operator (new|delete)\b|^_Z(nw|na|dl|da)/;

/** What all errors of one program image have alike. */
export function ofProcess(told: Told, box: Box): Pick<CheckerError, "pid" | "command" | "executable" | "hostRuntime"> {
  return { pid: box.header.pid, ...told.boxes.programOf(box), hostRuntime: "unknown" };
}

/** An error of the heap as the checkers' words have it; null for a kind that is not known. */
export function heapError(told: Told, clock: Clock, box: Box, record: HeapErrorRecord): CheckerError | null {
  const { error: kind } = record;
  if (kind === null) {
    return null;
  }
  if (kind === "mismatch" && mayBeOperator(told, box, record)) {
    return null;
  }
  const later = kind === "overflow" || kind === "underflow" || kind === "writeAfterFree";
  const { alloc, free } = livesOf(told, box, record.block);
  const here = stackOf(told, box, record.stack, "fault", String(record.tid));
  const known = record.block.state !== "none" && record.block.state !== null;
  return {
    probe: "heap",
    checker: CHECKER,
    kind: KINDS[kind],
    text: later ? damageText(clock, box, record) : freeText(record),
    mistake: MISTAKES[kind],
    ...ofProcess(told, box),
    tid: record.tid,
    threadName: null,
    access: {
      kind: later ? "write" : "free",
      size: later ? safe(record.changedTotal) : null,
      address: hex(record.address),
      addressFrom: "none",
      base: null,
      displacement: null,
    },
    block: known ? blockOf(record.block) : null,
    signal: null,
    leak: null,
    stacks: later
      ? ofDamage({ alloc, free, here }, record)
      : [here ?? noStack(record.tid), free, alloc].filter((stack) => stack !== null),
    seen: 1,
    fatal: false,
    ...(later ? { damage: damageOf(clock, box, record) } : {}),
  };
}

/** No stack is that of the write. The one that found it is the freeing where that was when, and else no part of it. */
function ofDamage(
  { alloc, free, here }: Record<"alloc" | "free" | "here", Stack | null>,
  { foundAt }: HeapErrorRecord,
): Stack[] {
  const freeing: Stack | null = free ?? (foundAt === "free" && here !== null ? { ...here, role: "free" } : null);
  return [alloc, freeing].filter((stack) => stack !== null);
}

/** The first stack is where it showed, also where none was kept. */
export function noStack(tid: number): Stack {
  return { role: "fault", thread: String(tid), frames: [], truncated: "no stack was kept" };
}

function damageOf(clock: Clock, box: Box, record: HeapErrorRecord): NonNullable<CheckerError["damage"]> {
  const { block } = record;
  const began = record.error === "writeAfterFree" ? block.freeTicks : block.allocTicks;
  const byte = (value: number): string => value.toString(16).padStart(2, "0");
  return {
    bytes: safe(record.changedTotal),
    changed: record.changed.map(({ offset, was, is }) => ({ offset, was: byte(was), is: byte(is) })),
    afterMs: Math.max(clock.ofTicks(box, block.checkedTicks), clock.ofTicks(box, began)),
    beforeMs: clock.ofMonotonic(record.monotonic),
    found: FOUND[record.foundAt ?? "sweep"],
  };
}

function damageText(clock: Clock, box: Box, record: HeapErrorRecord): string {
  const { afterMs, beforeMs, found } = damageOf(clock, box, record);
  const total = safe(record.changedTotal);
  const first = record.changed[0]?.offset ?? safe(record.block.offset);
  const last = safe(record.changedLast);
  const where = total <= 1 || last <= first ? `at offset ${first}` : `from offset ${first} to ${last}`;
  return `${total} byte${total === 1 ? " was" : "s were"} changed ${where} of the block, between ${afterMs} and ${beforeMs} ms after the start; found ${found}`;
}

function freeText({ error, address, family, block }: HeapErrorRecord): string {
  const by = { unknown: "a free", malloc: "free", new: "operator delete", newArray: "operator delete[]" }[
    family ?? "unknown"
  ];
  switch (error) {
    case "doubleFree":
      return `${by} of ${hex(address)}, which had been freed`;
    case "mismatch":
      return `${by} of ${hex(address)}, which ${blockOf(block).allocatedBy ?? "another family"} had allocated`;
    default:
      return `${by} of ${hex(address)}, at which no block begins`;
  }
}

/**
 * A library that has an operator new or delete of its own, as one with libstdc++ in it, calls malloc and free for it: the block belongs to
 * the operator. Where both ends are in one library and have no names, either may be such.
 */
function mayBeOperator(told: Told, box: Box, { block, family, stack }: HeapErrorRecord): boolean {
  const made = livesOf(told, box, block).alloc?.frames[0];
  const freed = stackOf(told, box, stack, "fault", "")?.frames[0];
  const ends = [...(block.allocFamily === "malloc" ? [made] : []), ...(family === "malloc" ? [freed] : [])];
  return ends.some((end) => {
    const name = end?.function ?? null;
    const within = box.modules.some(({ path, inQuestion }) => inQuestion && path === made?.module);
    return name === null ? end !== undefined && within && made?.module === freed?.module : OPERATOR.test(name);
  });
}

/** Blocks of one place that nothing pointed to at exit. */
export function leakError(told: Told, box: Box, record: LeakRecord): CheckerError {
  const thread = String(record.example.allocTid);
  const alloc = stackOf(told, box, record.stack, "fault", thread) ?? livesOf(told, box, record.example).alloc;
  const [blocks, bytes] = [safe(record.blocks), safe(record.bytes)];
  const kind = record.kind === "indirect" ? "indirect" : "definite";
  return {
    probe: "heap",
    checker: CHECKER,
    kind: `${kind} leak`,
    text: `${bytes} bytes in ${blocks} block${blocks === 1 ? "" : "s"} to which nothing pointed at exit${kind === "indirect" ? " but other such blocks" : ""}`,
    mistake: "leak",
    ...ofProcess(told, box),
    tid: record.example.allocTid,
    threadName: null,
    access: null,
    block: null,
    signal: null,
    leak: { bytes, blocks, kind },
    stacks: alloc === null ? [] : [{ ...alloc, role: "fault" }],
    seen: 1,
    fatal: false,
  };
}
