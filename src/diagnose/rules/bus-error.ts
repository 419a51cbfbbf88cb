import { whereIs } from "../addresses.js";
import { isFault, type Rule, whereOf } from "../diagnosis.js";

/** Memory that is mapped and has nothing behind it: a file that became shorter, a full disk, a broken device (mmap(2)). */
export const busError: Rule = (crash) => {
  if (!isFault(crash, "SIGBUS")) {
    return null;
  }
  const file = crash.region?.inside?.path ?? null;
  const where = whereIs(crash);
  return {
    code: "bus-error",
    title: `Bus error at ${crash.access?.address ?? "an unknown address"}${file === null ? "" : ` in the mapping of ${file}`}, in ${whereOf(crash)}`,
    message:
      crash.signal.codeName === "BUS_ADRERR"
        ? `The address is mapped, but nothing is behind it${file === null ? "" : `: ${file} is shorter than its mapping`}. A mapped file was cut while in use, or its disk or shared memory is full.`
        : `The kernel reports ${crash.signal.codeName}.`,
    confidence: "proved",
    evidence: [`${crash.signal.name} ${crash.signal.codeName}`, ...(where === null ? [] : [where])],
  };
};
