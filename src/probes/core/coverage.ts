import type { Crash } from "../../model/crash.js";
import type { Coverage } from "../../model/evidence.js";
import type { StepEnd } from "../../model/recording.js";
import type { RawRecord } from "../gdb/records.js";

const LOOKED_FOR = [
  "the signal of which the process died, and whether the core shows it first-hand",
  "contexts of earlier faults on the stacks of all threads: signal trampolines, Go's sigpanic, handlers that have returned",
];
const MAX_SPOTS = 16;

type BlindSpot = Coverage["blindSpots"][number];

/** What was looked for in a core, and what could not be seen in it. */
export function coverageOf(
  records: readonly RawRecord[],
  damaged: number,
  crash: Crash | null,
  end: StepEnd,
): Coverage {
  const told = records.flatMap((record): BlindSpot[] =>
    record.k === "warning" ? [{ what: record.what, why: record.why, mend: record.mend ?? null }] : [],
  );
  return {
    probe: "core",
    lookedFor: LOOKED_FOR,
    blindSpots: [...verdictSpots(crash), ...told.slice(0, MAX_SPOTS), ...recordingSpots(records, damaged, end)],
    notShown: [],
  };
}

function verdictSpots(crash: Crash | null): BlindSpot[] {
  if (crash === null || crash.core === null || crash.core.firstHand) {
    return [];
  }
  if (crash.core.recovered) {
    const lost = crash.registers.length < 8 && crash.registers.length > 0;
    return lost
      ? [
          {
            what: "most registers at the fault",
            why: "Go's runtime keeps the pc, the stack pointer and the frame pointer alone",
            mend: CAPTURE,
          },
        ]
      : [];
  }
  return [{ what: "the fault as it first was: this core is second-hand", why: crash.core.reason, mend: CAPTURE }];
}

const CAPTURE = "ffi-doctor gdb-capture -- <command>";

function recordingSpots(records: readonly RawRecord[], damaged: number, end: StepEnd): BlindSpot[] {
  const mend = "tool.out in the run directory has gdb's own words";
  const spots: BlindSpot[] = [];
  const bug = records.find((record) => record.k === "bug");
  const last = records.find((record) => record.k === "end");
  if (bug?.k === "bug") {
    spots.push({ what: "the rest of the core, after a mistake of ffi-doctor's", why: bug.why, mend });
  } else if (last === undefined && records.some((record) => record.k === "attached")) {
    const how = end.tool.signal === null ? `with status ${end.tool.exitCode ?? "unknown"}` : `by ${end.tool.signal}`;
    spots.push({ what: "the rest of the core", why: `gdb ended early, ${how}`, mend });
  }
  if (damaged > 0) {
    spots.push({ what: `${damaged} lines of the recording`, why: "they are cut or damaged", mend });
  }
  return spots;
}
