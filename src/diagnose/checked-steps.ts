import type { CheckerError } from "../model/checker-error.js";
import type { NextStep } from "../model/finding.js";
import type { FindingCode } from "../model/finding-code.js";
import { addressOf, framesOf, shownAt } from "./checked.js";
import { boundaryIn, nameOf, shortName, siteIn } from "./diagnosis.js";
import { quoteAll } from "./next-steps.js";

/** What to do about what a checker found, nearest first; commands are pasted as they are. */
export function checkedSteps(error: CheckerError, code: FindingCode): NextStep[] {
  return [
    ...(code === "wild-pointer" && addressOf(error) === null ? [registersShown(error.command)] : []),
    ...(error.damage === undefined ? [] : [guarded(error, code)]),
    ...(code === "native-crash" && shownAt(error).length === 0 ? [registersShown(error.command)] : []),
    ...(code === "abort" ? [lastWords(error.command)] : []),
    ...(BY_ADDRESS.has(code) && error.probe === "asan" && addressOf(error) !== null
      ? [historyShown(error.command)]
      : []),
    ...remedies(error, code).map((why): NextStep => ({ command: null, why, cost: "reading, then a change" })),
    {
      command: `ffi-doctor explain ${code}`,
      why: "what this code means and what usually causes it",
      cost: "seconds",
    },
  ];
}

/** Each block against a page that cannot be accessed: the write itself is then the fault. */
function guarded({ command }: CheckerError, code: FindingCode): NextStep {
  const side = code === "heap-buffer-underflow" ? "--guard-side before " : "";
  return {
    command: `ffi-doctor run --heap guard ${side}-- ${quoteAll(command)}`,
    why: "it stops at the instruction that writes, with the stack of whoever does it",
    cost: "one run, some microseconds more for each block",
  };
}

/** A sanitizer sees a bad address of code that was built without its checks, and nothing of how it came to be. */
const BY_ADDRESS: ReadonlySet<FindingCode> = new Set(["wild-pointer", "bad-code-pointer", "native-crash"]);

function historyShown(command: readonly string[]): NextStep {
  return {
    command: `ffi-doctor valgrind -- ${quoteAll(command)}`,
    why: "whether the memory was freed or never written, where, and by whom",
    cost: "a run 20 to 60 times slower",
  };
}

function lastWords(command: readonly string[]): NextStep {
  return {
    command: `ffi-doctor gdb-capture -- ${quoteAll(command)}`,
    why: "what the process said before it gave up, and the whole stack",
    cost: "one run, a second more",
  };
}

function registersShown(command: readonly string[]): NextStep {
  return {
    command: `ffi-doctor gdb-capture -- ${quoteAll(command)}`,
    why: "the instruction, its registers, and so the address",
    cost: "one run, a second more",
  };
}

function remedies(error: CheckerError, code: FindingCode): string[] {
  if (error.damage !== undefined) {
    return [];
  }
  const use = siteIn(shownAt(error));
  const alloc = siteIn(framesOf(error, "alloc"));
  const free = siteIn(framesOf(error, "free"));
  const origin = siteIn(framesOf(error, "origin"));
  const boundary = boundaryIn(shownAt(error));
  switch (code) {
    case "heap-use-after-free":
      return [
        `see why ${nameOf(free)} frees the block while ${nameOf(use)} still goes by it: copy it, or free it later`,
      ];
    case "double-free":
      return [
        nameOf(free) === nameOf(use)
          ? `see which two paths come to ${nameOf(use)}, let one of them own the block, and have the other forget the pointer`
          : `let one owner free it: ${nameOf(free)} or ${nameOf(use)}, and have the other forget the pointer`,
      ];
    case "alloc-dealloc-mismatch":
      return [`free it by the function that belongs to ${nameOf(alloc)}: the library's own, where it has one`];
    case "heap-buffer-overflow":
    case "heap-buffer-underflow":
      return [`compare the size that ${nameOf(alloc)} asked for with the one that ${nameOf(use)} goes by`];
    case "uninitialized-read":
      return [
        origin === null
          ? `see which field or result ${nameOf(use)} reads, and who was to write it`
          : `see which bytes ${nameOf(origin)} leaves unwritten, and fill them there`,
      ];
    case "memory-leak":
      return boundary === null
        ? ["let the job run twice as often in one process: what leaks grows, what is kept to the end does not"]
        : [`see what the host does with the result of ${shortName(boundary)}, and by which function it gives it back`];
    default:
      return [];
  }
}
