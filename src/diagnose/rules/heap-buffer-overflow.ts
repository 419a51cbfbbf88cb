import { boundsTitle, checkedEvidence, damageMessage, placeOf } from "../checked.js";
import { closedPage } from "../closed-page.js";
import type { CheckedRule, Rule } from "../diagnosis.js";
import { paddingFault } from "../padding.js";

/** The bytes after a block were written over: its allocator's own check found it; or the recorder had closed the page there. */
export const heapBufferOverflow: Rule = (crash) =>
  closedPage(crash, "heap-buffer-overflow") ?? paddingFault(crash, "trailing", "heap-buffer-overflow");

/** A checker with guard zones saw an access behind a block, or to bytes of it that its maker gave to nobody. */
export const heapBufferOverflowChecked: CheckedRule = (error) => {
  const { block } = error;
  if (error.mistake !== "heap-bounds" || (block?.offset ?? 0) < 0) {
    return null;
  }
  const made = placeOf(error, "alloc");
  return {
    code: "heap-buffer-overflow",
    title: boundsTitle(error),
    message: damageMessage(
      error,
      `${made === null ? "The block's size" : `${made} allocated the block, and its size`} is less than ${error.damage === undefined ? "this code" : "whoever wrote"} goes by. A length in other units, a size that was not passed along, or one more for an end mark is the usual cause.`,
    ),
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
