import type { CheckerError } from "../../model/checker-error.js";
import type { Confidence } from "../../model/primitives.js";
import { bytes, checkedEvidence, shownAt } from "../checked.js";
import { boundaryIn, type CheckedRule, nameOf, shortName, siteIn } from "../diagnosis.js";

/** A block that nothing pointed to any more when the process ended. */
export const memoryLeakChecked: CheckedRule = (error) => {
  if (error.mistake !== "leak" || error.leak === null || error.leak.kind === "reachable") {
    return null;
  }
  const frames = shownAt(error);
  const boundary = boundaryIn(frames);
  const { bytes: size, blocks } = error.leak;
  const seen = lookedThrough(error);
  return {
    code: "memory-leak",
    title: `${bytes(size)} in ${blocks} block${blocks === 1 ? "" : "s"} never freed, allocated in ${nameOf(siteIn(frames))}`,
    message: [
      boundary === null ? "" : `The call of ${shortName(boundary)} allocated it. `,
      "At the end of the process no pointer to it was left",
      seen === null ? "." : `; ${seen}, so that what the script still held then looks the same as what it lost.`,
      boundary === null
        ? ""
        : " If the call handed it out, the caller was to free it, by the library's own function for that.",
    ].join(""),
    confidence: confidenceOf(error.leak, seen !== null),
    evidence: checkedEvidence(error),
  };
};

/**
 * Why a pointer that a script held to the end is not found, or null where it is. Node and CPython take their objects down before the
 * process ends, and LeakSanitizer looks through malloc's blocks, stacks and globals, not through a heap that a runtime mapped itself.
 */
function lookedThrough({ hostRuntime, checker, probe }: CheckerError): string | null {
  if (hostRuntime === "node" || hostRuntime === "python") {
    return "the runtime had taken its own objects down by then";
  }
  const mapsItsHeap = hostRuntime === "java" || hostRuntime === "go";
  return mapsItsHeap && probe === "asan" ? `${checker} does not look through the runtime's own heap` : null;
}

/** Where a script's pointers are not seen, one block may be what the program meant to keep; several from one place are rarely. */
function confidenceOf({ kind, blocks }: NonNullable<CheckerError["leak"]>, unseen: boolean): Confidence {
  if (kind !== "definite" && kind !== "indirect") {
    return "hint";
  }
  if (!unseen) {
    return "proved";
  }
  return blocks === 1 ? "hint" : "likely";
}
