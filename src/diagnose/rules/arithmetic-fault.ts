import { checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, isFault, nameOf, type Rule, siteOf, whereIn } from "../diagnosis.js";

/** Integer division by zero, or of the smallest number by -1 (SIGFPE, sigaction(2)). */
export const arithmeticFault: Rule = (crash) => {
  if (!isFault(crash, "SIGFPE")) {
    return null;
  }
  const division = crash.signal.codeName === "FPE_INTDIV";
  return {
    code: "arithmetic-fault",
    title: `${division ? "Integer division by zero, or overflow of a division," : "Arithmetic fault"} in ${nameOf(siteOf(crash))}`,
    message: division
      ? "The divisor is zero, or the smallest integer was divided by -1. Look at what came across the boundary as a count, size or scale."
      : `The kernel reports ${crash.signal.codeName}.`,
    confidence: "proved",
    evidence: [`${crash.signal.name} ${crash.signal.codeName}`, `the instruction is ${crash.instruction ?? "unknown"}`],
  };
};

/** UndefinedBehaviorSanitizer saw arithmetic without a defined result. */
export const arithmeticFaultChecked: CheckedRule = (error) => {
  if (error.mistake !== "arithmetic") {
    return null;
  }
  return {
    code: "arithmetic-fault",
    title: `Arithmetic without a defined result, in ${whereIn(shownAt(error))}`,
    message: `${error.text}.`,
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
