import { bytes, checkedEvidence, shownAt } from "../checked.js";
import { boundaryIn, type CheckedRule, nameOf, shortName, siteIn } from "../diagnosis.js";

/** A block that nothing pointed to any more when the process ended. */
export const memoryLeakChecked: CheckedRule = (error) => {
  if (error.mistake !== "leak" || error.leak === null || error.leak.kind === "reachable") {
    return null;
  }
  const frames = shownAt(error);
  const boundary = boundaryIn(frames);
  const { bytes: size, blocks, kind } = error.leak;
  const sure = kind === "definite" || kind === "indirect";
  return {
    code: "memory-leak",
    title: `${bytes(size)} in ${blocks} block${blocks === 1 ? "" : "s"} never freed, allocated in ${nameOf(siteIn(frames))}`,
    message:
      boundary === null
        ? "At the end of the process no pointer to it was left."
        : `The call of ${shortName(boundary)} allocated it, and at the end of the process no pointer to it was left. If the call handed it out, the caller was to free it, by the library's own function for that.`,
    confidence: sure ? "proved" : "hint",
    evidence: checkedEvidence(error),
  };
};
