import { accessText, checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, whereIn } from "../diagnosis.js";

/** A checker with guard zones between global variables saw an access outside of one. */
export const globalBufferOverflowChecked: CheckedRule = (error) => {
  if (error.mistake !== "global-bounds") {
    return null;
  }
  return {
    code: "global-buffer-overflow",
    title: `${accessText(error)} outside of a global variable, in ${whereIn(shownAt(error))}`,
    message: `${error.text}. An index that nobody compared with the array's length, or a table that is shorter than its numbers.`,
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
