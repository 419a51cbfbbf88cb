import { poisonOf, suspects } from "../addresses.js";
import { accessText, checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, isFault, type Rule, whereIn, whereOf } from "../diagnosis.js";

/** The pointer is what an allocator fills memory with: it was read from a block that was freed, or never written. */
export const poisonedPointer: Rule = (crash) => {
  if (!isFault(crash, "SIGSEGV", "SIGBUS")) {
    return null;
  }
  for (const value of suspects(crash)) {
    const poison = poisonOf(value);
    if (poison !== null) {
      const register = crash.access?.base?.value === value ? ` in ${crash.access.base.register}` : "";
      return {
        code: "poisoned-pointer",
        title: `Pointer ${value} is a fill pattern of freed or unwritten memory, used in ${whereOf(crash)}`,
        message:
          `The pointer was not computed: ${poison.pattern} is ${poison.meaning}. ` +
          `It was read out of a block that had been freed, or had never been written. The block itself is not shown by a crash.`,
        confidence: "likely",
        evidence: [`the pointer${register} is ${value}`, `${poison.pattern}: ${poison.meaning}`],
      };
    }
  }
  return null;
};

/** A checker saw an access to an address that is a fill pattern. */
export const poisonedPointerChecked: CheckedRule = (error) => {
  const address = error.access?.base?.value ?? error.access?.address ?? null;
  const poison = error.mistake !== "unmapped-access" || address === null ? null : poisonOf(address);
  if (poison === null) {
    return null;
  }
  return {
    code: "poisoned-pointer",
    title: `${accessText(error)} through ${address}, in ${whereIn(shownAt(error))}`,
    message: `The pointer is made of ${poison.pattern}: ${poison.meaning}. It was read from memory in that state.`,
    confidence: "likely",
    evidence: checkedEvidence(error),
  };
};
