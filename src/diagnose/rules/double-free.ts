import { aborted, freeingFrame } from "../aborts.js";
import { checkedEvidence, placeOf, shownAt } from "../checked.js";
import { type CheckedRule, nameOf, type Rule, siteIn } from "../diagnosis.js";

/** glibc found that a block was freed a second time and said so (malloc/malloc.c). */
const SAID = /double free/;

export const doubleFree: Rule = (crash) => {
  const text = crash.abortMessage?.text ?? "";
  if (!aborted(crash) || !SAID.test(text)) {
    return null;
  }
  const site = freeingFrame(crash);
  return {
    code: "double-free",
    title: `A block was freed twice; the second free is in ${nameOf(site)}`,
    message:
      `glibc ended the process: "${text}". The stack shows the second free. ` +
      "The first one is not recorded by a crash: valgrind and AddressSanitizer show both, and where the block came from.",
    confidence: "proved",
    evidence: [`glibc's own words: ${text}`, `free was called by ${nameOf(site)}`],
  };
};

/** A checker saw both frees. */
export const doubleFreeChecked: CheckedRule = (error) => {
  if (error.mistake !== "double-free") {
    return null;
  }
  const first = placeOf(error, "free");
  const site = siteIn(shownAt(error));
  return {
    code: "double-free",
    title: `A block was freed twice; the second free is in ${nameOf(site)}`,
    message: `${first === null ? "It had been freed before" : `The first free was in ${first}`}: two sides, or two paths of one, each take themselves for its owner.`,
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
