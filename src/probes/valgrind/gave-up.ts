import type { Obstacle } from "../../model/evidence.js";
import type { Log } from "./log.js";

/** Where valgrind reads debug information, which is what it dies of most. */
const READER = /debuginfo|readelf|readdwarf|m_debuginfo|d3basics|ensure_valid|image\.c/;

/** The file that valgrind died of; null where it did not, or of something else. */
export function unreadable(log: Log): string | null {
  return log.died !== null && READER.test(log.died) ? log.reading : null;
}

/** A death of valgrind's own is no end of the target's, and no clean run. */
export function gaveUp(log: Log): Obstacle[] {
  if (log.died === null) {
    return [];
  }
  const file = unreadable(log);
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
          : `objcopy --strip-debug ${file} <copy>, and have the target load the copy: what it names by its whole path cannot be replaced from outside. For zstd, --decompress-debug-sections keeps the lines`,
    },
  ];
}
