import { aborted, onStack } from "../aborts.js";
import { faultFrames, nameOf, type Rule } from "../diagnosis.js";

const CHECKED = /^checked_jni_(\w+)/;
const REFUSED = /^(checked_jni_\w+|.*ReportJNIFatalError.*)/;

/** The JVM's -Xcheck:jni found a call through JNI that breaks the specification, and ended the process. */
export const jniMisuse: Rule = (crash) => {
  const refused = aborted(crash) ? onStack(crash, REFUSED) : null;
  if (refused === null) {
    return null;
  }
  const frames = faultFrames(crash);
  const caller = frames.slice(frames.indexOf(refused) + 1).find(({ side }) => side === "library" || side === "binding");
  const name = CHECKED.exec(refused.function ?? "")?.[1] ?? null;
  const what = name === null ? "A call through JNI" : `JNI's ${name}`;
  return {
    code: "jni-misuse",
    title: `${what} was called against its rules, in ${nameOf(caller ?? null)}`,
    message:
      "The JVM checks each call because of -Xcheck:jni, and ends the process at a fatal one; its own words are on standard output. Without the check, the same call reads or writes memory of the JVM's as something that it is not.",
    confidence: "proved",
    evidence: [
      `${refused.function ?? "the JVM's check"} ended the process`,
      ...(caller === undefined ? [] : [`it was called by ${nameOf(caller)}`]),
    ],
    blame: { side: "library", reason: "the native code made the call" },
  };
};
