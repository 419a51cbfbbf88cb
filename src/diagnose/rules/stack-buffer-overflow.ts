import { aborted, onStack } from "../aborts.js";
import { accessText, checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, nameOf, type Rule, siteOf, whereIn } from "../diagnosis.js";

/** gcc's and clang's stack protector found its canary overwritten on return (-fstack-protector). */
export const stackBufferOverflow: Rule = (crash) => {
  const said = crash.abortMessage?.text.includes("stack smashing detected") === true;
  if (!aborted(crash) || !(said || onStack(crash, /^_*stack_chk_fail/) !== null)) {
    return null;
  }
  const site = siteOf(crash);
  return {
    code: "stack-buffer-overflow",
    title: `A local buffer of ${nameOf(site)} was written past its end`,
    message:
      `The canary that the compiler put behind the local variables of ${nameOf(site)} was overwritten when the function returned. ` +
      "Some write in it, or in what it called with a pointer to a local buffer, went past the end. A wrong length across the boundary is the usual cause.",
    confidence: "proved",
    evidence: ["the compiler's stack protector ended the process", `it was ${nameOf(site)} that returned`],
  };
};

/** A checker with guard zones between local variables saw an access outside of one. */
export const stackBufferOverflowChecked: CheckedRule = (error) => {
  if (error.mistake !== "stack-bounds") {
    return null;
  }
  return {
    code: "stack-buffer-overflow",
    title: `${accessText(error)} outside of a local variable, in ${whereIn(shownAt(error))}`,
    message: `${error.text}. A buffer of fixed size that was filled without a look at its length, or a pointer to a local variable that outlived its function.`,
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
