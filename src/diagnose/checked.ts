import type { CheckerError } from "../model/checker-error.js";
import type { Frame, Stack, StackRole } from "../model/frame.js";
import { boundaryIn, nameOf, shortName, siteIn, whereIn } from "./diagnosis.js";

/** The stack of a role, innermost frame first; empty where the checker tells none. */
export function framesOf(error: CheckerError, role: StackRole): readonly Frame[] {
  return stackOf(error, role)?.frames ?? [];
}

export function stackOf(error: CheckerError, role: StackRole): Stack | null {
  return error.stacks.find((stack) => stack.role === role) ?? null;
}

/** The first stack: where the error showed. */
export function shownAt(error: CheckerError): readonly Frame[] {
  return error.stacks[0]?.frames ?? [];
}

/** "Store::get (store.rs:62), in the call of fds_get"; null where the checker tells no such stack. */
export function placeOf(error: CheckerError, role: StackRole): string | null {
  const frames = framesOf(error, role);
  const site = siteIn(frames);
  if (site === null) {
    return null;
  }
  const boundary = boundaryIn(frames);
  return `${nameOf(site)}${boundary === null || boundary === site ? "" : `, in the call of ${shortName(boundary)}`}`;
}

/** "Read of 8 bytes"; the checker may not know how many. */
export function accessText(error: CheckerError): string {
  const kinds = { read: "Read", write: "Write", execute: "Jump", free: "Free" };
  const { access } = error;
  if (access === null) {
    return "Access";
  }
  return access.size === null ? kinds[access.kind] : `${kinds[access.kind]} of ${bytes(access.size)}`;
}

/** "16 bytes behind a block of 64 bytes"; null where no block is known. */
export function blockText(error: CheckerError): string | null {
  const { block } = error;
  if (block === null) {
    return null;
  }
  const whole = block.size === null ? "a block" : `a block of ${bytes(block.size)}`;
  if (block.offset === null) {
    return `in ${whole}`;
  }
  if (block.offset < 0) {
    return `${bytes(-block.offset)} before ${whole}`;
  }
  if (block.size !== null && block.offset >= block.size) {
    const beyond = block.offset - block.size;
    return beyond === 0 ? `right behind ${whole}` : `${bytes(beyond)} behind ${whole}`;
  }
  return `${bytes(block.offset)} into ${whole}`;
}

/** What went beyond a block, and where; of damage where the block came from, as nobody saw who did it. */
export function boundsTitle(error: CheckerError): string {
  const place = blockText(error) ?? "outside of a heap block";
  const { damage } = error;
  return damage === undefined
    ? `${accessText(error)} ${place}, in ${whereIn(shownAt(error))}`
    : `${bytes(damage.bytes)} ${damage.bytes === 1 ? "was" : "were"} changed ${place}, which was allocated in ${whereIn(framesOf(error, "alloc"))}`;
}

/** Of damage: what is known of the write that nobody saw, and how to see it. */
export function damageMessage({ damage }: CheckerError, more: string): string {
  return damage === undefined
    ? more
    : `The write itself was not seen: it came between ${damage.afterMs} and ${damage.beforeMs} ms after the start, and was found ${damage.found}. ${more}`;
}

/** The address that went wrong: of the access, or of the signal where nobody told an access; null where neither has one. */
export function addressOf(error: CheckerError): string | null {
  return error.access?.address ?? error.signal?.address ?? null;
}

export function bytes(count: number): string {
  return `${count} byte${count === 1 ? "" : "s"}`;
}

/** What the checker itself said, and what is known of the block: the lines that every such finding rests on. */
export function checkedEvidence(error: CheckerError): string[] {
  const block = blockText(error);
  const alloc = placeOf(error, "alloc");
  const free = placeOf(error, "free");
  const origin = placeOf(error, "origin");
  return [
    `${error.checker}: ${error.text}${error.seen > 1 ? ` (${error.seen} times)` : ""}`,
    ...(block === null ? [] : [`the address is ${block}`]),
    ...(alloc === null ? [] : [`the block was allocated by ${alloc}`]),
    ...(free === null ? [] : [`the block was freed by ${free}`]),
    ...(origin === null ? [] : [`the value that was never written came from ${origin}`]),
    ...(error.fatal ? [`the process ended there${error.signal === null ? "" : ` by ${error.signal.name}`}`] : []),
  ];
}
