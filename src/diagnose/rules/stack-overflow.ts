import type { CheckerError } from "../../model/checker-error.js";
import type { Crash } from "../../model/crash.js";
import type { Frame } from "../../model/frame.js";
import { checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, faultFrames, isFault, type Rule, shortName, whereIn } from "../diagnosis.js";

/** A frame may reach this far beyond the end of the stack with one access, in bytes. */
const REACH = 1n << 20n;
const NEAR_POINTER = 0x10000n;
const RECURSES = 40;

/** The stack pointer has come to the end of its stack, whatever the instruction was that then touched the guard page. */
export const stackOverflow: Rule = (crash) => {
  const bounds = crash.stackBounds;
  const address = crash.access?.address ?? null;
  if (!isFault(crash, "SIGSEGV", "SIGBUS") || bounds === null || address === null) {
    return null;
  }
  const fault = BigInt(address);
  const sp = BigInt(bounds.stackPointer);
  const low = BigInt(bounds.low);
  const distance = fault > sp ? fault - sp : sp - fault;
  const below = fault < low && low - fault <= REACH;
  if (!below || !(sp < low + NEAR_POINTER || distance <= NEAR_POINTER)) {
    return null;
  }
  const cycle = recursion(crash);
  const depth = faultFrames(crash).reduce((sum, frame) => sum + (frame.kind === "folded" ? frame.foldedCount : 1), 0);
  const size = Number(BigInt(bounds.high) - low) / 1024;
  const who = cycle === null ? shortNameOfFirst(crash) : shortName(cycle);
  return {
    code: "stack-overflow",
    title:
      cycle === null
        ? `Native stack overflow in ${who}`
        : `Native stack overflow: recursion of ${who}, ${depth} frames deep`,
    message:
      `The thread's stack of ${Math.round(size)} KiB was used up at a depth of ${depth} frames. ` +
      (cycle === null
        ? "No function repeats: a large local array or a thread with a small stack."
        : `${who} is on the stack over and over: the recursion has no end, or the input goes deeper than the stack is large.`),
    confidence: "proved",
    evidence: [
      `the stack pointer is ${bounds.stackPointer}, the stack ends at ${bounds.low}, and the access was to ${address}, below it`,
      `${depth} frames deep${cycle === null ? "" : `; ${shortName(cycle)} repeats`}`,
    ],
  };
};

function shortNameOfFirst(crash: Crash): string {
  const first = faultFrames(crash)[0];
  return first === undefined ? "an unknown function" : shortName(first);
}

/** The function that the stack is full of. */
export function recursion(crash: Crash): Frame | null {
  const counts = new Map<string, { count: number; frame: Frame }>();
  for (const frame of faultFrames(crash)) {
    if (frame.kind === "folded" || frame.side === "system") {
      continue;
    }
    const key = `${frame.module ?? ""}:${frame.function ?? frame.pc}`;
    const known = counts.get(key) ?? { count: 0, frame };
    counts.set(key, { count: known.count + 1, frame: known.frame });
  }
  const most = [...counts.values()].sort((a, b) => b.count - a.count)[0];
  return most !== undefined && most.count >= RECURSES ? most.frame : null;
}

/** A checker says that the stack ran over. */
export const stackOverflowChecked: CheckedRule = (error) => {
  const told = error.mistake === "stack-overflow";
  if (!told && !ranOver(error)) {
    return null;
  }
  return {
    code: "stack-overflow",
    title: `The stack ran over, in ${whereIn(shownAt(error))}`,
    message:
      "A recursion without an end or with a very deep one, or a large local buffer on a thread with a small stack. A checker's own frames take room too: what just fits may run over under it.",
    confidence: told ? "proved" : "likely",
    evidence: checkedEvidence(error),
  };
};

/** A checker keeps so many frames at the most; this many of them alike are a recursion. */
const ALIKE = 20;

/** The process died of an access in a recursion that fills the stack which the checker shows: a stack that it does not know as one. */
function ranOver(error: CheckerError): boolean {
  const [first, ...rest] = shownAt(error);
  const alike = rest.filter((frame) => frame.function === first?.function && first.function !== null).length;
  return error.mistake === "unmapped-access" && error.fatal && alike >= ALIKE;
}
