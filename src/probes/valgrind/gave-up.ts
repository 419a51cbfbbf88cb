import type { Obstacle } from "../../model/evidence.js";
import type { Log } from "./log.js";

/** Where valgrind reads debug information, which is what it dies of most. */
const READER = /debuginfo|readelf|readdwarf|m_debuginfo|d3basics|ensure_valid|image\.c/;

/** A death of valgrind's own is no end of the target's, and no clean run. */
export function gaveUp(log: Log): Obstacle[] {
  if (log.died === null) {
    return [];
  }
  const file = READER.test(log.died) ? log.reading : null;
  return [
    {
      what:
        file === null
          ? "valgrind itself gave up, so that what the target did after that is not known"
          : `valgrind cannot read the debug information of ${file}, and gave up`,
      why: log.died,
      mend:
        file === null
          ? "run it again; valgrind.log in the run directory has valgrind's own words; a newer valgrind may know better"
          : `objcopy --decompress-debug-sections ${file} <copy>, else objcopy --strip-debug ${file} <copy>, and run with the copy in its place`,
    },
  ];
}
