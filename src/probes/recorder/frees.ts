import type { CheckerError } from "../../model/checker-error.js";
import type { Frame, Stack } from "../../model/frame.js";
import type { Box, FreedByRecord } from "../blackbox/records.js";
import { blockOf, hex, livesOf } from "./blocks.js";
import { CHECKER, ofProcess } from "./heap-errors.js";
import type { Told } from "./stacks.js";

/** Rust's allocator as its names have it: what __rust_alloc leads to, and what of the standard library calls that, inlined or not. */
const RUST_ALLOCATOR =
  /^_?_?(rdl|rust|rg)_(alloc|dealloc|realloc|alloc_zeroed)$|^alloc::alloc::|^std::alloc::|<std::alloc::System as|<alloc::alloc::Global as|^__rustc::__r/;
/** Functions of libc's, by which a call is known for one of C's own. */
const C_ALLOCATOR =
  /^(malloc|calloc|realloc|reallocarray|aligned_alloc|memalign|posix_memalign|valloc|strn?dup|free|cfree)(@plt)?$/;
/** Frames in which the allocator's own names may stand, with those that are inlined. */
const INNERMOST = 6;

type Family = "rust" | "c" | null;

/**
 * Frees of which Rust's allocator did one half and C's functions the other. Both end in libc's malloc today, which is why nothing breaks
 * until one of them is given another allocator. What is not sure is no error: a jump in place of a call takes a frame off the stack.
 */
export function mismatchedFrees(told: Told, box: Box): CheckerError[] {
  return box.freedBy.flatMap((record) => mismatch(told, box, record) ?? []);
}

function mismatch(told: Told, box: Box, record: FreedByRecord): CheckerError | null {
  const { alloc, free } = livesOf(told, box, record.block);
  const [by, freed] = [familyOf(told, alloc), familyOf(told, free)];
  if (alloc === null || free === null || by === null || freed === null || by === freed) {
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
function familyOf({ symbols }: Told, stack: Stack | null): Family {
  const frames = stack?.frames.slice(0, INNERMOST) ?? [];
  const inner = frames.slice(0, frames.findIndex(({ kind }) => kind !== "inlined") + 1);
  if (inner.some(({ function: name }) => RUST_ALLOCATOR.test(name ?? ""))) {
    return "rust";
  }
  const called = calledBy(symbols, inner.at(-1) ?? null);
  return called === null ? null : C_ALLOCATOR.test(called) ? "c" : RUST_ALLOCATOR.test(called) ? "rust" : null;
}

function calledBy(symbols: Told["symbols"], frame: Frame | null): string | null {
  return frame === null || frame.module === null || frame.offset === null
    ? null
    : symbols.calledAt(frame.module, BigInt(frame.offset));
}
