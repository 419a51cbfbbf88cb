import type { Crash } from "../model/crash.js";
import { aborted } from "./aborts.js";
import { type Diagnosis, nameOf, siteOf } from "./diagnosis.js";

/** CPython's debug allocator puts bytes of its own around each block, and looks at them when the block is freed (PYTHONMALLOC). */
const PAD = /bad (leading|trailing) pad byte/;

/** What the padding of a block of CPython's says; null where it was not the end of the process, or another side of the block. */
export function paddingFault(
  crash: Crash,
  side: "leading" | "trailing",
  code: "heap-buffer-underflow" | "heap-buffer-overflow",
): Diagnosis | null {
  if (!aborted(crash) || PAD.exec(crash.abortMessage?.text ?? "")?.[1] !== side) {
    return null;
  }
  const where = side === "leading" ? "before" : "after";
  return {
    code,
    title: `Something wrote ${where} a block of CPython's, found in ${nameOf(siteOf(crash))}`,
    message: `CPython's debug allocator puts bytes of its own ${where} each block, and found them written over when this one was freed. The write itself came earlier; the block's size and the call that made it are in CPython's own words on standard error.`,
    confidence: "proved",
    evidence: [`${crash.abortMessage?.from ?? "CPython"}: ${crash.abortMessage?.text ?? ""}`],
    blame: { side: "unknown", reason: "the write that did it came earlier and is not on this stack" },
  };
}
