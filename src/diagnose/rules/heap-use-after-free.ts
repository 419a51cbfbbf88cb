import { accessText, bytes, checkedEvidence, damageMessage, framesOf, placeOf, shownAt } from "../checked.js";
import { closedPage } from "../closed-page.js";
import { type CheckedRule, type Rule, whereIn } from "../diagnosis.js";

/** The recorder had closed the page of a freed block. */
export const heapUseAfterFree: Rule = (crash) => closedPage(crash, "heap-use-after-free");

/** A checker that keeps freed blocks aside saw an access to one. */
export const heapUseAfterFreeChecked: CheckedRule = (error) => {
  if (error.mistake !== "freed-access") {
    return null;
  }
  const freed = placeOf(error, "free");
  const made = placeOf(error, "alloc");
  const life = `The block had been freed${freed === null ? "" : ` by ${freed}`}${made === null ? "" : `; ${made} had allocated it`}.`;
  const { block, damage } = error;
  return {
    code: "heap-use-after-free",
    title:
      damage === undefined
        ? `${accessText(error)} of freed memory, in ${whereIn(shownAt(error))}`
        : `A freed block${block?.size == null ? "" : ` of ${bytes(block.size)}`} was written to; it had been allocated in ${whereIn(framesOf(error, "alloc"))}`,
    message: damageMessage(
      error,
      `${life} What is read there is whatever the allocator or the block's next owner left; what is written breaks theirs.`,
    ),
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
