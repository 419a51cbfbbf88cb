import { isFault, nameOf, type Rule, siteOf } from "../diagnosis.js";

/** The processor refused an instruction: a compiler's deliberate trap, or code for another processor. */
export const illegalInstruction: Rule = (crash) => {
  if (!isFault(crash, "SIGILL", "SIGTRAP")) {
    return null;
  }
  const trap = crash.signal.name === "SIGTRAP" || /^ud[012]/.test(crash.instruction ?? "");
  const name = crash.signal.name === "SIGTRAP" ? "int3" : "ud2";
  return {
    code: "illegal-instruction",
    title: `${trap ? `Deliberate trap (${name})` : "Illegal instruction"} in ${nameOf(siteOf(crash))}`,
    message: trap
      ? `There is a deliberate ${name} where the program must never come: __builtin_trap, a failed check of a runtime's, an unreachable branch, or a function without a return.`
      : `The processor refused "${crash.instruction ?? "unknown"}". It is newer than this processor (a build with -march=native from another machine), or what runs there is not code.`,
    confidence: trap ? "proved" : "likely",
    evidence: [
      `${crash.signal.name} ${crash.signal.codeName}`,
      name === "int3"
        ? "int3 is right before the place it stopped at"
        : `the instruction is ${crash.instruction ?? "unknown"}`,
    ],
  };
};
