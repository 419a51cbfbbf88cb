import type { Frame, Stack, StackRole } from "../../model/frame.js";
import type { Box, StackRecord } from "../blackbox/records.js";
import { decodeFrames } from "../gdb/decode-frames.js";
import type { RawFrame } from "../gdb/records.js";
import { isAllocator } from "./allocators.js";
import type { Boxes } from "./boxes.js";
import type { Named, Symbols } from "./symbols.js";

/** What a step's boxes and the symbols of its files tell together. */
export interface Told {
  boxes: Boxes;
  symbols: Symbols;
  /** Stacks that were named already: thousands of blocks share a few. */
  frames: Map<StackRecord, Frame[]>;
}

export function toldBy(boxes: Boxes, symbols: Symbols): Told {
  return { boxes, symbols, frames: new Map() };
}

const ENDS: Record<NonNullable<StackRecord["end"]>, string | null> = {
  outermost: null,
  boundary: "it was followed to the caller of the library, and no further",
  limit: "so many frames are kept",
  noRule: "the code behind it has no unwind information",
  unreadable: "the next frame's memory could not be read",
};

/** A stack by its id with functions and lines; null where there is none. */
export function stackOf(told: Told, box: Box, id: number, role: StackRole, thread: string): Stack | null {
  const found = told.boxes.stackOf(box, id);
  return found === null
    ? null
    : {
        role,
        thread,
        frames: framesOf(told, found.box, found.stack),
        truncated: ENDS[found.stack.end ?? "unreadable"],
      };
}

/** The frames of a stack, innermost first, with those of functions that were inlined. */
export function framesOf(told: Told, box: Box, stack: StackRecord): Frame[] {
  const known = told.frames.get(stack) ?? namedFrames(told, box, stack);
  told.frames.set(stack, known);
  return known;
}

function namedFrames(told: Told, box: Box, stack: StackRecord): Frame[] {
  return decodeFrames([
    ...jumpedOut(told, box, stack),
    ...stack.pcs.flatMap((pc, i) => framesAt(told, box, { pc, exact: stack.exact && i === 0, order: stack.order })),
  ]);
}

/**
 * A function that ends in `return free(p)` jumps there and is gone from the stack. Which it was, the call tells that the innermost
 * frame has made: it is none of the allocator's.
 */
function jumpedOut({ boxes, symbols }: Told, box: Box, { pcs, exact, order }: StackRecord): RawFrame[] {
  const pc = pcs[0] ?? 0n;
  const module = exact ? null : boxes.moduleAt(box, lookedUp(pc, exact), order);
  const call = module === null ? null : symbols.calledAt(module.path, pc - module.base);
  if (call === null || call.path === null || isAllocator(call.function)) {
    return [];
  }
  const base = box.modules.findLast(({ path }) => path === call.path)?.base ?? 0n;
  const jump = call.jump === null ? null : BigInt(call.jump);
  return named(
    {
      pc: `0x${((jump ?? 0n) + base).toString(16)}`,
      mod: call.path,
      ...(call.jump === null ? {} : { off: call.jump }),
    },
    jump === null ? [] : symbols.at(call.path, jump),
    call.function,
  );
}

/** Where a walk looks a pc up: a return address belongs to the call before it. */
export function lookedUp(pc: bigint, exact: boolean): bigint {
  return exact || pc === 0n ? pc : pc - 1n;
}

function framesAt(
  { boxes, symbols }: Told,
  box: Box,
  { pc, exact, order }: { pc: bigint; exact: boolean; order: number },
): RawFrame[] {
  const at = lookedUp(pc, exact);
  const module = boxes.moduleAt(box, at, order);
  const hex = `0x${pc.toString(16)}`;
  if (module === null || module.path === "") {
    return [
      {
        pc: hex,
        mod: module === null ? null : "[vdso]",
        ...(module === null && isManaged(box) ? { kind: "jit" } : {}),
      },
    ];
  }
  const place = { pc: hex, mod: module.path, off: `0x${BigInt.asUintN(64, pc - module.base).toString(16)}` };
  return named(place, symbols.at(module.path, at - module.base), null);
}

/** One frame for each function at a place; `otherwise` where nothing is known of it. */
function named(place: RawFrame, names: readonly Named[], otherwise: string | null): RawFrame[] {
  if (names.length === 0) {
    return [{ ...place, fn: otherwise }];
  }
  return names.map(({ function: fn, file, line }, i) => ({
    ...place,
    fn,
    file,
    line,
    ...(i < names.length - 1 ? { kind: "inlined" } : {}),
    ...(isRust(file, fn) ? { lang: "rust" } : {}),
  }));
}

function isRust(file: string | null, name: string | null): boolean {
  return file === null ? name !== null && /^<|::\{(closure|impl|shim)/.test(name) : file.endsWith(".rs");
}

/** A runtime that makes code as it runs. */
function isManaged({ modules }: Box): boolean {
  return modules.some(({ path, program }) => /\/libjvm\.so$/.test(path) || (program && /\/node(js)?$/.test(path)));
}
