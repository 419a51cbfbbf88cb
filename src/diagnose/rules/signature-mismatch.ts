import { checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, whereIn } from "../diagnosis.js";

/** UndefinedBehaviorSanitizer saw a call through a pointer of another function type. */
export const signatureMismatchChecked: CheckedRule = (error) => {
  if (error.mistake !== "wrong-function-type") {
    return null;
  }
  return {
    code: "signature-mismatch",
    title: `A function was called through a type that is not its own, in ${whereIn(shownAt(error))}`,
    message: `${error.text}. Arguments or result then stand in other registers than the other side looks into.`,
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
