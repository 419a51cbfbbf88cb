import { aborted, onStack } from "../aborts.js";
import { boundaryFrame, nameOf, type Rule, siteOf } from "../diagnosis.js";

/** A C++ exception found no handler on its way out and std::terminate ended the process (C++ [except.terminate]). */
export const exceptionAcrossBoundary: Rule = (crash) => {
  const terminate = onStack(
    crash,
    /^(std::terminate|__cxxabiv1::__terminate|__gxx_personality|_Unwind_RaiseException)/,
  );
  const boundary = boundaryFrame(crash);
  if (!aborted(crash) || terminate === null || boundary === null) {
    return null;
  }
  const thrown = onStack(crash, /^(__cxa_throw|__cxa_rethrow)$/);
  return {
    code: "exception-across-boundary",
    title: `C++ exception left ${nameOf(boundary)} and ended the process`,
    message:
      `A C++ exception was thrown in ${nameOf(siteOf(crash))} and no frame below the boundary caught it. ` +
      "The caller is not C++ and cannot handle it, so that std::terminate aborts. Catch it in the exported function and return an error.",
    confidence: thrown === null ? "likely" : "proved",
    evidence: [
      `${terminate.function ?? "std::terminate"} is on the stack of the abort`,
      ...(thrown === null ? [] : ["__cxa_throw is on it too: the throw site is the frame below it"]),
      `the boundary is ${nameOf(boundary)}`,
    ],
    blame: {
      side: "library",
      reason: "an exception must not leave the library: its exported function has to catch it",
    },
  };
};
