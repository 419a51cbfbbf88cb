import { describe, expect, it } from "vitest";
import { enums } from "../../../../src/probes/blackbox/layout.js";
import { Boxes } from "../../../../src/probes/recorder/boxes.js";
import { wantedOf } from "../../../../src/probes/recorder/wanted.js";
import { recordingOf } from "../../../golden/recording-of.js";
import { MadeBox } from "../blackbox/made-box.js";
import { decode, ended, LIBRARY, LIBRARY_AT, symbols } from "./step.js";

const LIMIT_MS = 20_000;

function filled(count: number, add: (box: MadeBox, i: number) => void): MadeBox {
  const pcs = Array.from({ length: 48 }, (_, i) => LIBRARY_AT + 0x100 + i);
  const box = new MadeBox().module(1, LIBRARY, LIBRARY_AT, { flags: 2 }).stack(1, pcs).stack(2, pcs);
  for (let i = 0; i < count; i += 1) {
    add(box, i);
  }
  return box;
}

describe("a box with more than anybody would write", () => {
  it.each<[string, number, (box: MadeBox, i: number) => void]>([
    [
      "errors",
      50_000,
      (box) => box.heapError({ error: 1, foundAt: 1, stack: 1 }, { state: 2, allocStack: 1, freeStack: 2 }),
    ],
    ["pairs of places", 40_000, (box) => box.freedBy({ allocStack: 1, freeStack: 2 })],
    [
      "signals and captures",
      8_000,
      (box, i) => {
        const parent = i % 3 === 0 ? i : 0;
        box.signal(
          { id: i + 1, number: 11, code: 1, parent, state: enums.signalState.open, stack: 1 },
          { 16: 0x200100n },
        );
        box.capture(i + 1, "instruction", Buffer.from([0x90]));
      },
    ],
  ])(
    "%s: is read in a moment, and what is kept of it is bounded",
    (_, count, add) => {
      const made = filled(count, add);
      const started = Date.now();
      const decoded = decode({ "box.100.0": made }, ended(null, "SIGSEGV"), { symbols: symbols({}) });
      const boxes = new Boxes(recordingOf({}, { "box.100.0": made.bytes() }));
      wantedOf(boxes, []);
      expect(Date.now() - started).toBeLessThan(LIMIT_MS);
      expect(decoded.checkerErrors.length).toBeLessThanOrEqual(5000);
      expect(decoded.crashes.flatMap(({ timeline }) => timeline).length).toBeLessThan(300);
    },
    2 * LIMIT_MS,
  );

  it("stacks that refer to each other's boxes in a ring end", () => {
    const ring = (pid: number, other: number) =>
      new MadeBox({ pid, forkedFromPid: other, firstStack: 9 }).heapError(
        { error: 4, foundAt: 5 },
        { state: 1, allocStack: 5 },
      );
    const { checkerErrors } = decode({ "box.1.0": ring(1, 2), "box.2.0": ring(2, 1) }, ended(0, null, { pid: 1 }));
    expect(checkerErrors).toHaveLength(2);
  });
});
