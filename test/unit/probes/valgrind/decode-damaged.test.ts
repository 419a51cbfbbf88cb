import { describe, expect, it } from "vitest";
import { decodeValgrind } from "../../../../src/probes/valgrind/decode.js";
import { recordingOf } from "../../../golden/recording-of.js";
import { decoded, END, OPTIONS, useAfterFree } from "./decoding.js";
import { counts, document, error, FINISHED, frame, log, MALLOC } from "./memcheck-xml.js";

describe("a recording that is not whole", () => {
  it.each([
    ["empty", "", "ends before"],
    ["cut between errors", document(useAfterFree).split("</valgrindoutput>")[0] ?? "", "ends before"],
    ["cut within an error", document(useAfterFree + useAfterFree).slice(0, -300), "damaged (it is cut)"],
    ["no XML", "Segmentation fault\n<<<", "damaged"],
  ])("%s: what is there is told, and that it is not all", (_name, text, said) => {
    const { lost } = decodeValgrind(recordingOf({ "vg.100.xml.1": text }), END, OPTIONS);
    expect(lost).toContain(said);
  });

  it("missing altogether says how valgrind ended", () => {
    const { obstacles } = decodeValgrind(recordingOf({}), { ...END, tool: { exitCode: 1, signal: null } }, OPTIONS);
    expect(obstacles).toMatchObject([{ what: "valgrind ended with status 1 and left no recording" }]);
  });

  it("of a process that was killed from outside is whole up to there", () => {
    const end = { ...END, outcome: { exitCode: null, signal: "SIGKILL", timedOut: false } };
    const text = document(useAfterFree).split("</valgrindoutput>")[0] ?? "";
    const { lost, coverage, checkerErrors } = decodeValgrind(recordingOf({ "vg.100.xml.1": text }), end, OPTIONS);
    expect({ lost, errors: checkerErrors.length }).toEqual({ lost: null, errors: 1 });
    expect(coverage.flatMap(({ blindSpots }) => blindSpots).map(({ what }) => what)).toContain(
      "who sent SIGKILL, and why",
    );
  });

  it("of two processes in one file gives the errors of both, and leaves out what they spoiled", () => {
    const forked = document(useAfterFree.replace("get", "in_child") + FINISHED, { pid: 101, parent: 100 });
    const mixed = useAfterFree.replace("<kind>", "<error><unique>0x5</unique><kind>");
    const { checkerErrors, lost } = decoded(`${useAfterFree}${forked}${mixed}${useAfterFree}${FINISHED}`);
    expect(checkerErrors.map(({ pid, stacks }) => [pid, stacks[0]?.frames[0]?.function])).toEqual([
      [100, "get"],
      [101, "in_child"],
    ]);
    expect(lost).toContain("damaged");
  });

  it("where valgrind itself gave up is an obstacle, with the file that it died of", () => {
    const said = [
      "--100-- Reading syms from /app/libstore.so",
      "==100== Valgrind: debuginfo reader: ensure_valid failed:",
      "==100== Valgrind: I can't recover.  Giving up.  Sorry.",
    ].join("\n");
    const { obstacles, unreadable, lost } = decoded("", { "valgrind.log.2": log(100, ["/app/host"], said) });
    expect(obstacles).toMatchObject([
      { what: expect.stringContaining("/app/libstore.so"), mend: expect.stringMatching(/^objcopy --strip-debug/) },
    ]);
    expect({ unreadable, lost }).toEqual({ unreadable: ["/app/libstore.so"], lost: null });
  });

  it("where valgrind's assertion failed is one, too", () => {
    const said = "valgrind: the 'impossible' happened:\n   Killed by fatal signal";
    const { obstacles } = decoded(FINISHED, { "valgrind.log.2": log(100, ["/app/host"], said) });
    expect(obstacles).toMatchObject([{ what: expect.stringContaining("valgrind itself gave up") }]);
  });
});

describe("hostile text", () => {
  it("in names is kept as text, control characters among it", () => {
    const body = error("InvalidRead", [
      [
        "Invalid read of size 1",
        frame("a\u0001b\u001b[31m&lt;/fn&gt;&amp;&#38;x;]]&gt;"),
        "<frame><ip>nonsense</ip></frame>",
      ],
    ]);
    const { checkerErrors, lost } = decoded(body + FINISHED);
    expect(checkerErrors[0]?.stacks[0]?.frames.map((one) => one.function)).toEqual(["a\ufffdb\ufffd[31m</fn>&&x;]]>"]);
    expect(lost).toBeNull();
  });

  it("of numbers gives no number that cannot be", () => {
    const body = error("InvalidRead", [
      ["Invalid read of size 99999999999999999999", frame("get", { ip: "0xFFFFFFFFFFFFFFFFFFFF", line: -3 })],
      ["Address 0xffffffffffffffff is 999999999999999 bytes before a block of size 64 alloc'd", MALLOC],
    ]);
    const { checkerErrors } = decoded(body + FINISHED + counts({ "0x0": -5 }));
    expect(checkerErrors).toMatchObject([{ seen: 1, access: { size: null }, block: { offset: -999999999999999 } }]);
    expect(checkerErrors[0]?.block?.address).toMatch(/^0x[0-9a-f]{1,16}$/);
  });

  it.each([
    ["tags without an end", "<a>".repeat(100_000), "nested deeper"],
    ["documents without an end", "<valgrindoutput><pid>1</pid>".repeat(5_000), "nested deeper"],
    ["documents without number", "<valgrindoutput></valgrindoutput>".repeat(5_000), "documents"],
    ["a text without an end", "x> ".repeat(500_000), "without a tag"],
    ["a comment without an end", `<!-- ${"> x ".repeat(500_000)}`, "without a tag"],
  ])("%s: given up, and said", (_name, text, said) => {
    const { lost } = decodeValgrind(recordingOf({ "vg.100.xml.1": text }), END, OPTIONS);
    expect(lost).toContain(said);
  });

  it("by the thousands is counted beyond what is kept; a runtime's own do not crowd out a library's", () => {
    const noise = Array.from({ length: 1500 }, (_, i) =>
      error("InvalidRead", [
        ["Invalid read of size 4", frame("f", { obj: "/usr/lib/libruntime.so", ip: `0x${(4096 + i).toString(16)}` })],
      ]),
    );
    const { checkerErrors, coverage } = decoded(noise.join("") + useAfterFree + FINISHED);
    expect(checkerErrors).toHaveLength(1001);
    expect(checkerErrors.at(-1)?.mistake).toBe("freed-access");
    expect(coverage.flatMap(({ notShown }) => notShown)).toEqual([
      { what: "errors beyond the first thousands", count: 500 },
    ]);
  });
});

describe("memory", () => {
  it("does not grow with the file", () => {
    const piece = Array.from({ length: 40 }, (_, i) =>
      useAfterFree.replace("0x4a5b048", `0x4a5b${(i + 16) * 64}`),
    ).join("");
    const files = { names: () => ["vg.100.xml.1"], text: () => null, bytes: () => null };
    const pieces = function* (): Iterable<string> {
      yield document("").split("</valgrindoutput>")[0] ?? "";
      for (let i = 0; i < 2000; i += 1) {
        yield piece;
      }
      yield `${FINISHED}</valgrindoutput>`;
    };
    const before = process.memoryUsage().heapUsed;
    const { checkerErrors } = decodeValgrind({ ...files, pieces }, END, OPTIONS);
    const grown = (process.memoryUsage().heapUsed - before) / (1 << 20);
    expect(checkerErrors[0]?.seen).toBeGreaterThanOrEqual(2000);
    expect(grown).toBeLessThan(120);
  });
});
