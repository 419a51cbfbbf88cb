import { checkedEvidence, placeOf, shownAt } from "../checked.js";
import { type CheckedRule, whereIn } from "../diagnosis.js";

/** ThreadSanitizer saw two accesses with no order between them. */
export const dataRaceChecked: CheckedRule = (error) => {
  if (error.mistake !== "data-race") {
    return null;
  }
  const other = placeOf(error, "call");
  return {
    code: "data-race",
    title: `Data race in ${whereIn(shownAt(error))}`,
    message: `Another thread used the same memory${other === null ? "" : ` in ${other}`}, one of the two wrote, and nothing orders them. A host that calls from several threads into a library that expects one does this.`,
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
