import { describe, expect, it } from "vitest";
import type { Coverage } from "../../../../src/model/evidence.js";
import type { Options } from "../../../../src/model/options.js";
import { enums } from "../../../../src/probes/blackbox/layout.js";
import { MadeBox } from "../blackbox/made-box.js";
import { decode, ended, LIBRARY, LIBRARY_AT, OPTIONS, symbols } from "./step.js";

const NAMES = symbols({});

function coverage(made: MadeBox, options: Partial<Options> = {}, end = ended(0)): Coverage[] {
  return decode({ "box.100.0": made }, end, { symbols: NAMES, options }).coverage;
}

const box = (header = {}): MadeBox => new MadeBox(header).module(1, LIBRARY, LIBRARY_AT, { flags: 2 });
const spots = (all: Coverage[]): string[] => all.flatMap(({ blindSpots }) => blindSpots.map(({ what }) => what));
const why = (all: Coverage[], what: RegExp): string | undefined =>
  all.flatMap(({ blindSpots }) => blindSpots).find((spot) => what.test(spot.what))?.why;
const guard = { heap: { ...OPTIONS.heap, mode: "guard" as const } };

describe("coverage", () => {
  it("has an entry for the heap and one for signals, and without the heap the latter alone", () => {
    expect(coverage(box()).map(({ probe }) => probe)).toEqual(["heap", "signals"]);
    const off = { heap: { ...OPTIONS.heap, mode: "off" as const } };
    expect(coverage(box(), off).map(({ probe }) => probe)).toEqual(["signals"]);
  });

  it("says what fill patterns cannot see, and which run would", () => {
    const [heap] = coverage(box());
    expect(heap?.blindSpots[0]).toMatchObject({
      what: expect.stringContaining("reads of freed memory"),
      mend: "ffi-doctor run --heap guard -- ...",
    });
    expect(spots(coverage(box(), guard))).not.toContain(heap?.blindSpots[0]?.what);
  });

  it("says how memory was closed where that is second best", () => {
    const rung = (guardRung: number) => why(coverage(box({ guardRung }), guard), /closed page would show/);
    expect(rung(enums.guardRung.userfaultfd)).toBeUndefined();
    expect(rung(enums.guardRung.mprotect)).toContain("mprotect");
    expect(rung(enums.guardRung.fill)).toContain("filled");
    expect(spots(coverage(box().count("guardFallbacks", 3), guard))).toContain("3 blocks");
  });

  it("looks for leaks only where a library is named, and the process came to its end", () => {
    expect(why(coverage(box()), /^leaks$/)).toContain("--lib");
    const named = { libs: ["libstore.so"] };
    expect(why(coverage(box(), named), /^leaks$/)).toContain("did not come to its exit handlers");
    const whole = coverage(box().add("exit", { how: enums.exitHow.exit }), named);
    expect(why(whole, /^leaks$/)).toBeUndefined();
    expect(whole[0]?.lookedFor.join()).toContain("nothing pointed to");
    const threads = box().note("leaksNotLookedFor", { a: enums.noLeaks.threads });
    expect(why(coverage(threads, named), /^leaks$/)).toContain("threads");
  });

  it("tells what the recorder itself noted", () => {
    const made = box()
      .note("noRoomForHeap", { a: 1 << 30 })
      .note("importsReadOnly", { a: 1, b: 13 })
      .note("sanitized")
      .note("otherAllocator", {}, "/usr/lib/libjemalloc.so.2")
      .count("notWatched", 2)
      .count("errorsOmitted", 5);
    expect(spots(coverage(made))).toEqual(
      expect.arrayContaining([
        "the heap of process 100",
        `blocks of ${LIBRARY}`,
        "what /usr/lib/libjemalloc.so.2 does with its own blocks",
        "2 blocks of the libraries in question",
        "5 more errors of the heap",
      ]),
    );
  });

  it("says that nothing was watched where no library in question was loaded", () => {
    expect(spots(coverage(new MadeBox()))).toContain("anybody's blocks");
    expect(spots(coverage(box()))).not.toContain("anybody's blocks");
  });

  it("of a recording with gaps says where they are, and that silence means nothing", () => {
    const made = box({ dropped: 4 }).raw(Buffer.alloc(64, 0x77));
    const { coverage: all, lost } = decode({ "box.100.0": made, "box.101.0": new MadeBox({ version: 9 }) }, ended(0));
    expect(spots(all)).toEqual(
      expect.arrayContaining(["4 records", "1 parts of the recording", "1 processes", "functions and lines"]),
    );
    expect(lost).not.toBeNull();
  });

  it("says of SIGKILL that nobody knows who sent it", () => {
    expect(spots(coverage(box(), {}, ended(null, "SIGKILL")))).toContain("who sent SIGKILL, and why");
    expect(spots(coverage(box(), {}, ended(null, "SIGKILL", { stopped: true })))).not.toContain(
      "who sent SIGKILL, and why",
    );
  });
});
