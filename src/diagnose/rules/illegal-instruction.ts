import { isFault, nameOf, type Rule, siteOf } from "../diagnosis.js";

/** The processor refused an instruction: a compiler's deliberate trap, or code for another processor. */
export const illegalInstruction: Rule = (crash) => {
  if (!isFault(crash, "SIGILL")) {
    return null;
  }
  const trap = /^ud[012]/.test(crash.instruction ?? "");
  return {
    code: "illegal-instruction",
    title: `${trap ? "Deliberate trap (ud2)" : "Illegal instruction"} in ${nameOf(siteOf(crash))}`,
    message: trap
      ? "The compiler put ud2 where the program must never come: __builtin_trap, an unreachable branch, a sanitizer's check, or a function without a return."
      : `The processor refused "${crash.instruction ?? "unknown"}". It is newer than this processor (a build with -march=native from another machine), or what runs there is not code.`,
    confidence: trap ? "proved" : "likely",
    evidence: [`${crash.signal.name} ${crash.signal.codeName}`, `the instruction is ${crash.instruction ?? "unknown"}`],
  };
};
