import { whereIs } from "../addresses.js";
import { type Rule, whereOf } from "../diagnosis.js";

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
