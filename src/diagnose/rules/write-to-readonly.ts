import { mapName } from "../addresses.js";
import { isFault, nameOf, type Rule, siteOf, whereOf } from "../diagnosis.js";

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
