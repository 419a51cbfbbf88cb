import type { CheckerError } from "../../model/checker-error.js";
import type { Frame, Stack } from "../../model/frame.js";
import type { Box, FreedByRecord } from "../blackbox/records.js";
import { isCAllocator, isRustAllocator } from "./allocators.js";
import { blockOf, hex, livesOf } from "./blocks.js";
import { CHECKER, ofProcess } from "./heap-errors.js";
import type { Told } from "./stacks.js";
import type { Pair } from "./wanted.js";

/** As many are looked at when they are named. */
const MOST_PAIRS = 20_000;

type Family = "rust" | "c" | null;

/**
 * Frees of which Rust's allocator did one half and C's functions the other. Both end in libc's malloc today, which is why nothing breaks
 * until one of them is given another allocator. What is not sure is no error: a jump in place of a call takes a frame off the stack.
 */
export function mismatchedFrees(told: Told, box: Box): CheckerError[] {
  return box.freedBy.slice(0, MOST_PAIRS).flatMap((record) => errorOf(told, box, record) ?? []);
}

/** Whose allocator made a block that another's took back; null where both ends are one's, or one is not sure. */
export function mismatchOf(told: Told, { box, block }: Pair): "rust" | "c" | null {
  const { alloc, free } = livesOf(told, box, block);
  const [by, freed] = [familyOf(told, alloc, "alloc"), familyOf(told, free, "free")];
  return by === null || freed === null || by === freed ? null : by;
}

function errorOf(told: Told, box: Box, record: FreedByRecord): CheckerError | null {
  const by = mismatchOf(told, { box, block: record.block });
  const { alloc, free } = by === null ? { alloc: null, free: null } : livesOf(told, box, record.block);
  if (alloc === null || free === null) {
    return null;
  }
  const [made, gone] = by === "rust" ? ["Rust's allocator", "free"] : ["malloc", "Rust's allocator"];
  return {
    probe: "heap",
    checker: CHECKER,
    kind: "mismatched free",
    text: `${made} allocated the block and ${gone} took it back`,
    mistake: "mismatched-free",
    ...ofProcess(told, box),
    tid: record.block.freeTid,
    threadName: null,
    access: {
      kind: "free",
      size: null,
      address: hex(record.block.address),
      addressFrom: "none",
      base: null,
      displacement: null,
    },
    block: { ...blockOf(record.block), allocatedBy: made, freedBy: gone },
    signal: null,
    leak: null,
    stacks: [{ ...free, role: "fault" }, alloc],
    seen: 1,
    fatal: false,
  };
}

/** Whose allocator is at the inner end of a stack; null where that is not sure. */
function familyOf({ symbols }: Told, stack: Stack | null, end: "alloc" | "free"): Family {
  const frames = stack?.frames ?? [];
  const inner = frames.slice(0, frames.findIndex(({ kind }) => kind !== "inlined") + 1);
  if (inner.some(({ function: name }) => isRustAllocator(name ?? ""))) {
    return "rust";
  }
  const last = inner.at(-1);
  if (last?.module == null || last.offset === null || inner.some((frame) => mayHideAllocator(frame, symbols))) {
    return null;
  }
  // A function that left by a jump may have another jump, to the other allocator: only a call is sure.
  const called = symbols.calledAt(last.module, BigInt(last.offset))?.function ?? null;
  if (called === null || isRustAllocator(called)) {
    return called === null ? null : "rust";
  }
  // Where Rust drops a value and where it calls C's free, compilers make one call of both.
  return isCAllocator(called) && !(end === "free" && symbols.holdsRust(last.module)) ? "c" : null;
}

/**
 * Optimised Rust has its allocator within the functions that use it, those with C's names too; only debug information tells of what was
 * put into what, and not of code that the compiler gave no line.
 */
function mayHideAllocator({ function: name, line, module }: Frame, symbols: Told["symbols"]): boolean {
  return line === null && (name === null || name.includes("::") || (module !== null && symbols.holdsRust(module)));
}
