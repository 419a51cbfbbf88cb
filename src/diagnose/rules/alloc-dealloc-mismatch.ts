import { checkedEvidence, placeOf, shownAt } from "../checked.js";
import { type CheckedRule, nameOf, siteIn } from "../diagnosis.js";

/** A checker saw a block freed by the function of another family than allocated it. */
export const allocDeallocMismatchChecked: CheckedRule = (error) => {
  if (error.mistake !== "mismatched-free") {
    return null;
  }
  const { allocatedBy = null, freedBy = null } = error.block ?? {};
  const pair = allocatedBy === null || freedBy === null ? "" : ` (${allocatedBy}, then ${freedBy})`;
  const made = placeOf(error, "alloc");
  return {
    code: "alloc-dealloc-mismatch",
    title: `A block was freed by the wrong function${pair}, in ${nameOf(siteIn(shownAt(error)))}`,
    message: `${made === null ? "It was allocated by another family of functions" : `${made} allocated it, by another family of functions`}: malloc belongs to free, new to delete, new[] to delete[]. Where their allocators differ, this corrupts both; who allocates must free.`,
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
