import { aborted, freeingFrame, refusedByDebugMalloc } from "../aborts.js";
import { blockText, checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, nameOf, type Rule, siteIn } from "../diagnosis.js";

/** glibc was given a pointer to free that is not the start of one of its blocks (malloc/malloc.c). */
const SAID =
  /free\(\): invalid pointer|munmap_chunk\(\): invalid pointer|free\(\): invalid size|realloc\(\): invalid pointer/;

export const invalidFree: Rule = (crash) => {
  const text = crash.abortMessage?.text ?? "";
  if (!aborted(crash) || !SAID.test(text) || refusedByDebugMalloc(crash)) {
    return null;
  }
  const site = freeingFrame(crash);
  return {
    code: "invalid-free",
    title: `free was given a pointer that malloc never returned, in ${nameOf(site)}`,
    message:
      `glibc ended the process: "${text}". The pointer is not the start of a block of this allocator: ` +
      "it points into a block, was made by another allocator or runtime, or the bytes before it were overwritten.",
    confidence: "likely",
    evidence: [`glibc's own words: ${text}`, `free was called by ${nameOf(site)}`],
  };
};

/** A checker was asked to free what is not the start of a block of its own. */
export const invalidFreeChecked: CheckedRule = (error) => {
  if (error.mistake !== "invalid-free") {
    return null;
  }
  const block = blockText(error);
  return {
    code: "invalid-free",
    title: `free was given a pointer that no allocation returned, in ${nameOf(siteIn(shownAt(error)))}`,
    message:
      block === null
        ? "The pointer is not the start of a block of this allocator: it was made by another allocator or runtime, lies on a stack or among constants, or was overwritten."
        : `The pointer is ${block}, and only its first byte may be given to free.`,
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
