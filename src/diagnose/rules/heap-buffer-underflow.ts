import { boundsTitle, checkedEvidence, damageMessage } from "../checked.js";
import { closedPage } from "../closed-page.js";
import type { CheckedRule, Rule } from "../diagnosis.js";
import { paddingFault } from "../padding.js";

/** The bytes before a block were written over: its allocator's own check found it; or the recorder had closed the page there. */
export const heapBufferUnderflow: Rule = (crash) =>
  closedPage(crash, "heap-buffer-underflow") ?? paddingFault(crash, "leading", "heap-buffer-underflow");

/** A checker with guard zones saw an access before a block. */
export const heapBufferUnderflowChecked: CheckedRule = (error) => {
  if (error.mistake !== "heap-bounds" || (error.block?.offset ?? 0) >= 0) {
    return null;
  }
  return {
    code: "heap-buffer-underflow",
    title: boundsTitle(error),
    message: damageMessage(
      error,
      "A negative index, a length that was subtracted once too often, or a pointer moved back over a header that this block does not have.",
    ),
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
