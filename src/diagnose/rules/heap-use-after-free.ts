import { accessText, checkedEvidence, placeOf, shownAt } from "../checked.js";
import { type CheckedRule, whereIn } from "../diagnosis.js";

/** A checker that keeps freed blocks aside saw an access to one. */
export const heapUseAfterFreeChecked: CheckedRule = (error) => {
  if (error.mistake !== "freed-access") {
    return null;
  }
  const freed = placeOf(error, "free");
  const made = placeOf(error, "alloc");
  return {
    code: "heap-use-after-free",
    title: `${accessText(error)} of freed memory, in ${whereIn(shownAt(error))}`,
    message:
      `The block had been freed${freed === null ? "" : ` by ${freed}`}${made === null ? "" : `; ${made} had allocated it`}. ` +
      "What is read there is whatever the allocator or the block's next owner left; what is written breaks theirs.",
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
