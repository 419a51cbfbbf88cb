import { aborted, onStack } from "../aborts.js";
import { checkedEvidence, shownAt } from "../checked.js";
import { boundaryFrame, boundaryIn, type CheckedRule, faultFrames, nameOf, type Rule, siteOf } from "../diagnosis.js";

const CANNOT_UNWIND = /panic_cannot_unwind|panic_in_cleanup|panic_nounwind/;

/** A Rust panic came to a frame that must not unwind, such as an extern "C" function, and ended the process (RFC 2945). */
export const panicAcrossBoundary: Rule = (crash) => {
  const pick = crash.timeline.find(({ id }) => id === crash.pick);
  const stopped = aborted(crash) ? onStack(crash, CANNOT_UNWIND) : null;
  if (pick?.role !== "panic" && stopped === null) {
    return null;
  }
  const boundary = boundaryFrame(crash);
  const crossed = stopped !== null || boundary !== null;
  if (!crossed) {
    return null;
  }
  const site = stopped === null ? siteOf(crash) : null;
  const where = site === null ? "a place that is not recorded" : nameOf(site);
  const text = crash.abortMessage?.text ?? null;
  return {
    code: "panic-across-boundary",
    title: `Rust panic in ${where} ended the process, in the call of ${nameOf(boundary ?? afterUnwinding(crash))}`,
    message:
      `${text === null ? "The panic" : `The panic "${text}"`} was not caught on the Rust side. ` +
      'Rust aborts the process where a panic would leave an extern "C" function, and at once where it is built with panic = "abort". ' +
      "The host sees an abort without a reason. Catch it at the boundary (std::panic::catch_unwind) and return an error, or mend what panics.",
    confidence: "proved",
    evidence: [
      ...(text === null ? [] : [`the panic's message: ${text}`]),
      ...(site === null ? [] : [`the panic began in ${nameOf(site)}`]),
      ...(boundary === null ? [] : [`the frame that could not unwind is ${nameOf(boundary)}`]),
      "the process then ended by abort",
    ],
    blame: { side: "library", reason: "a panic must not leave the library: its exported function has to catch it" },
  };
};

function afterUnwinding(crash: Parameters<Rule>[0]): ReturnType<typeof siteOf> {
  const frames = faultFrames(crash);
  const at = frames.findLastIndex((frame) => CANNOT_UNWIND.test(frame.function ?? ""));
  return frames[at + 1] ?? siteOf(crash);
}

const PANICKED = /rust_panic|panic_with_hook|panicking::(begin_)?panic|begin_unwind/;

/** The process aborted under a checker with the panic machinery on the stack. */
export const panicAcrossBoundaryChecked: CheckedRule = (error) => {
  const frames = shownAt(error);
  const boundary = boundaryIn(frames);
  const by = (pattern: RegExp): boolean => frames.some(({ function: name }) => pattern.test(name ?? ""));
  const aborts = error.mistake === "fatal-signal" && error.signal?.name === "SIGABRT";
  if (!aborts || boundary === null || !(by(CANNOT_UNWIND) || by(PANICKED))) {
    return null;
  }
  return {
    code: "panic-across-boundary",
    title: `A Rust panic ended the process, in the call of ${nameOf(boundary)}`,
    message:
      "The panic was not caught on the Rust side; its message and the place where it began are on standard error, and gdb-capture tells both. " +
      'Rust aborts the process where a panic would leave an extern "C" function. Catch it at the boundary (std::panic::catch_unwind) and return an error, or mend what panics.',
    confidence: "proved",
    evidence: checkedEvidence(error),
    blame: { side: "library", reason: "a panic must not leave the library: its exported function has to catch it" },
  };
};
