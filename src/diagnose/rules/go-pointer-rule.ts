import { onStack } from "../aborts.js";
import { faultFrames, nameOf, type Rule } from "../diagnosis.js";

/** Go's own check of what crosses to C refused a pointer, and panicked (go doc cmd/cgo, "Passing pointers"). */
export const goPointerRule: Rule = (crash) => {
  if (crash.hostRuntime !== "go" || onStack(crash, /^runtime\.cgoCheck/) === null) {
    return null;
  }
  const caller = faultFrames(crash).find(({ side }) => side === "script") ?? null;
  return {
    code: "go-pointer-rule",
    title: `Go memory that holds a Go pointer was passed to C, in ${nameOf(caller)}`,
    message:
      "Memory that crosses to C must hold no pointer to Go memory that is not pinned: the collector may move or free what C still uses. Copy to C memory (C.CBytes, C.malloc), or pin it with runtime.Pinner.",
    confidence: "proved",
    evidence: [
      "runtime.cgoCheckPointer is on the stack: Go looked at the argument before the call, and panicked",
      `the call was made by ${nameOf(caller)}`,
    ],
    blame: { side: "host", reason: "the argument is the caller's; the call into C had not begun" },
  };
};
