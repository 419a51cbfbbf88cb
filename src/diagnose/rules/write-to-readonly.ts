import { mapName } from "../addresses.js";
import { accessText, checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, isFault, nameOf, type Rule, siteOf, whereIn, whereOf } from "../diagnosis.js";

/** A write into memory that is mapped without write permission: constants, code, or a page that was protected. */
export const writeToReadonly: Rule = (crash) => {
  const { access, region, signal } = crash;
  const map = region?.inside ?? null;
  if (!isFault(crash, "SIGSEGV") || signal.codeName !== "SEGV_ACCERR" || access === null || map === null) {
    return null;
  }
  if (access.kind !== "write" || map.perms[1] === "w" || map.perms[0] !== "r") {
    return null;
  }
  const constant = map.path?.startsWith("/") ? "constants or code of a file" : "memory that somebody made read-only";
  return {
    code: "write-to-readonly",
    title: `Write to read-only memory of ${mapName(map)}, in ${whereOf(crash)}`,
    message:
      `${nameOf(siteOf(crash))} wrote to ${access.address}, which is mapped ${map.perms}: ${constant}. ` +
      "Often a string constant, or a buffer that was lent for reading, passed where the callee writes.",
    confidence: "proved",
    evidence: [
      `${signal.name} ${signal.codeName} on a write to ${access.address}`,
      `${map.start}-${map.end} ${map.perms} ${mapName(map)}`,
    ],
  };
};

/** A checker saw an access that the memory's permissions forbid. */
export const writeToReadonlyChecked: CheckedRule = (error) => {
  if (error.mistake !== "forbidden-access" || error.access?.kind !== "write") {
    return null;
  }
  return {
    code: "write-to-readonly",
    title: `${accessText(error)} to memory that may only be read, in ${whereIn(shownAt(error))}`,
    message:
      "A constant, a string literal or a file mapped for reading was taken for a buffer: one side lent it as const, the other wrote to it.",
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
