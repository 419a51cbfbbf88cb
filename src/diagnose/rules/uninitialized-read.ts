import { checkedEvidence, placeOf, shownAt } from "../checked.js";
import { type CheckedRule, whereIn } from "../diagnosis.js";

/** A decision or an address came from memory that nobody had written. */
export const uninitializedReadChecked: CheckedRule = (error) => {
  if (error.mistake !== "uninitialized") {
    return null;
  }
  const origin = placeOf(error, "origin");
  return {
    code: "uninitialized-read",
    title: `A value that was never written is used in ${whereIn(shownAt(error))}`,
    message:
      (origin === null
        ? "Where the memory came from was not recorded."
        : `The memory came from ${origin}, and nobody wrote to these bytes before they were used.`) +
      " What happens next differs from run to run: an out parameter not filled, a structure's padding or a field that one side does not know is the usual cause.",
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
