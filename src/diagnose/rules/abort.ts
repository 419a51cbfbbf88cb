import type { Crash } from "../../model/crash.js";
import { aborted, freeingFrame, refusedByDebugMalloc } from "../aborts.js";
import { checkedEvidence, shownAt } from "../checked.js";
import { boundaryFrame, type CheckedRule, type Diagnosis, nameOf, type Rule, siteOf, whereIn } from "../diagnosis.js";

/** What glibc's allocator says when it finds its own bookkeeping overwritten (malloc/malloc.c). */
const CORRUPT =
  /corrupt|invalid next size|invalid prev|unsorted double linked list|malloc\(\): (invalid|unaligned|mismatching)|unaligned (fastbin|tcache) chunk|size vs\. prev_size|malloc_consolidate/;

/** The process ended itself, for a reason that it may have said. */
export const abort: Rule = (crash) => {
  if (!aborted(crash) && crash.signal.name !== "PANIC") {
    return null;
  }
  return refusedByDebugMalloc(crash) ? refused(crash, crash.abortMessage?.text ?? "") : gaveUp(crash);
};

function gaveUp(crash: Crash): Diagnosis {
  const text = crash.abortMessage?.text ?? null;
  const site = siteOf(crash);
  const boundary = boundaryFrame(crash);
  const corrupt = text !== null && CORRUPT.test(text);
  return {
    code: "abort",
    title: corrupt
      ? `glibc found its heap overwritten and ended the process, in a call from ${nameOf(site)}`
      : `${what(crash)} in ${nameOf(site)}${text === null ? "" : `: ${text}`}`,
    message: corrupt
      ? `"${text}": something wrote outside its block, or into a freed one, at some earlier time. ${nameOf(site)} is where it was noticed, not where it was done. valgrind or AddressSanitizer stop at the write itself.`
      : `The process ended itself${text === null ? ", and left no message that could be read" : `, saying "${text}"`}. ${boundary === null ? "No native library is on the stack." : `The call had crossed the boundary at ${nameOf(boundary)}.`}`,
    confidence: corrupt ? "likely" : "proved",
    evidence: [
      `${crash.signal.name === "EXIT" ? "the runtime ended the process" : crash.signal.name === "PANIC" ? "a Rust panic" : "SIGABRT, sent by the process itself"}, from ${nameOf(site)}`,
      ...(text === null ? [] : [`${crash.abortMessage?.from ?? "message"}: ${text}`]),
    ],
    ...(corrupt
      ? { blame: { side: "unknown" as const, reason: "the write that did it came earlier and is not on this stack" } }
      : {}),
  };
}

/** One text for three mistakes: only a checker that keeps each block's history tells them apart. */
function refused(crash: Crash, text: string): Diagnosis {
  const site = nameOf(freeingFrame(crash));
  return {
    code: "abort",
    title: `glibc's debugging malloc refused to free a block, in a call from ${site}`,
    message: `"${text}": it was freed before, or a byte behind it was overwritten, or it is no block of malloc's; the debugging malloc says the same words for all three. valgrind and AddressSanitizer tell which, and where it was done.`,
    confidence: "proved",
    evidence: [`glibc's own words: ${text}`, `free was called by ${site}`, "libc_malloc_debug is loaded"],
    blame: { side: "unknown", reason: "which of the three it is, and who did it, is not on this stack" },
  };
}

function what(crash: Crash): string {
  if (crash.signal.name === "PANIC") {
    return "Rust panic ended the process";
  }
  return crash.signal.name === "EXIT"
    ? `The ${crash.hostRuntime === "go" ? "Go " : ""}runtime ended the process`
    : "Abort";
}

/** The process ended itself under a checker. */
export const abortChecked: CheckedRule = (error) => {
  if (error.mistake !== "fatal-signal" || error.signal?.name !== "SIGABRT") {
    return null;
  }
  return {
    code: "abort",
    title: `The process ended itself by abort, in ${whereIn(shownAt(error))}`,
    message: `${error.text}. Its last words on standard error say why; gdb-capture reads them.`,
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
