import { checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, whereIn } from "../diagnosis.js";

/** ThreadSanitizer saw locks taken in two orders. */
export const deadlockChecked: CheckedRule = (error) => {
  if (error.mistake !== "deadlock") {
    return null;
  }
  return {
    code: "deadlock",
    title: `Locks are taken in another order than elsewhere, in ${whereIn(shownAt(error))}`,
    message: `${error.text}. Two threads that do both at once wait for each other for ever; in this run they need not have.`,
    confidence: "likely",
    evidence: checkedEvidence(error),
  };
};
