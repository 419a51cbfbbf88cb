import { whereIs } from "../addresses.js";
import { checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, type Rule, whereIn, whereOf } from "../diagnosis.js";

/** The first-hand site is known and its class is not. */
export const nativeCrash: Rule = (crash) => {
  const where = whereIs(crash);
  return {
    code: "native-crash",
    title: `${crash.signal.name} in ${whereOf(crash)}`,
    message: `The process died of ${crash.signal.name} (${crash.signal.codeName}) here. What kind of mistake it is cannot be told from the crash alone.`,
    confidence: "proved",
    evidence: [
      `${crash.signal.name} ${crash.signal.codeName}`,
      ...(crash.access?.address ? [`the address is ${crash.access.address}`] : []),
      ...(where === null ? [] : [where]),
      ...(crash.instruction === null ? [] : [`the instruction is ${crash.instruction}`]),
    ],
  };
};

/** What the checker itself has a name for and no narrower rule knows; and a fatal signal that it knows no more of. */
export const nativeCrashChecked: CheckedRule = (error) => {
  if (error.mistake === "leak" || (error.mistake === "fatal-signal" && error.signal?.name === "SIGKILL")) {
    return null;
  }
  return {
    code: "native-crash",
    title: `${error.fatal && error.signal !== null ? error.signal.name : error.kind} in ${whereIn(shownAt(error))}`,
    message: `${error.text}.`,
    confidence: error.fatal ? "proved" : "likely",
    evidence: checkedEvidence(error),
  };
};
