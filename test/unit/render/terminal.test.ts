import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Report } from "../../../src/model/report.js";
import { renderTerminal } from "../../../src/render/terminal/report.js";
import { finding, hostile, report } from "./reports.js";

const plain = { width: 80, color: false, runDir: ".ffi-doctor/run", verbose: false };
const linesOf = (given: Report, options = plain) => renderTerminal(given, options).split("\n");

/** Commands are never broken, as a line end would change what is pasted. */
function tooWide(lines: readonly string[], width: number, commands: readonly string[] = []): string[] {
  return lines.filter((line) => line.length > width && !commands.some((command) => line.trim() === command));
}

/** What acts on a terminal instead of showing. */
const ACTING = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

it("is made from reports that the schema allows", () => {
  expect(() => Report.parse(report())).not.toThrow();
});

describe("the first screen of a finding", () => {
  const screen = linesOf(report()).slice(0, 24).join("\n");

  it("says what: title, code, severity, confidence", () => {
    expect(screen).toContain("ERROR  null-dereference  (proved)");
    expect(screen).toContain("Read through a null pointer, in stock_read");
  });

  it("says where: the first-hand site, the call that crossed, the script line that called", () => {
    expect(screen).toContain("stock_read  warehouse.c:40, in libwarehouse.so".replace("  ", " "));
    expect(screen).toContain("wh_count warehouse.c:41");
    expect(screen).toContain("called from JavaScript countShelf app.js:7");
    expect(screen).toContain("SIGSEGV (SEGV_MAPERR) at 0x18");
  });

  it("says whose and why", () => {
    expect(screen).toContain("Whose   library: its own code did it");
    expect(screen).toContain("Why     stock_read read 8 bytes at 0x18.");
  });

  it("says what to do next, with commands that stand alone on their line", () => {
    expect(screen.split("\n").map((line) => line.trim())).toContain("valgrind node app.js");
    expect(screen).toContain("ffi-doctor explain null-dereference");
  });
});

describe("the rest", () => {
  const lines = linesOf(report());
  const text = lines.join("\n");

  it("draws the boundary between the library's frame and its caller", () => {
    const at = lines.findIndex((line) => line.includes(" boundary "));
    expect(lines[at - 1]).toMatch(/^ {2}library {2}#1 +wh_count/);
    expect(lines[at + 1]).toContain("crossed with shelf=0x0");
    expect(lines[at + 2]).toMatch(/^ {2}binding/);
  });

  it("names the side of each frame, and folds", () => {
    expect(text).toMatch(/^ {2}script +#4 +countShelf {2}app\.js:7$/m);
    expect(text).toMatch(/^ {2}system +#5 +libc\.so\.6\+0x1234$/m);
    expect(text).toContain("1234 more frames");
  });

  it("marks the picked signal and says why the others are not it", () => {
    expect(text).toMatch(/^ {2}> {2}0 .*SIGSEGV first-hand/m);
    expect(text).toContain("event 0 raised again");
  });

  it("shows where the address lies, and the instruction", () => {
    expect(text).toContain("0x18: nothing is mapped");
    expect(text).toMatch(/=> 0x7f0000000000 {2}mov/);
  });

  it("keeps registers, memory, threads and maps for -v", () => {
    const verbose = linesOf(report(), { ...plain, verbose: true }).join("\n");
    for (const part of ["rip     0x7f", "Memory at rsp", "Thread 102 pool", "goroutine 7", "Memory map"]) {
      expect([part, text.includes(part), verbose.includes(part)]).toEqual([part, false, true]);
    }
  });

  it("says what it could not see, what it changed, where the run rests and how to see more", () => {
    const changed = report({}, { interventions: [{ kind: "environment", what: "NODE_OPTIONS=--x", why: "names" }] });
    const all = linesOf(changed).join("\n");
    expect(all).toContain("libx.so has no names: it is stripped (mend: apt-get install libx-dbgsym)");
    expect(all).toContain("NODE_OPTIONS=--x (names)");
    expect(all).toContain("ffi-doctor report .ffi-doctor/run -v");
  });

  it("tells further findings briefly", () => {
    const both = report({ findings: [finding(), finding({ code: "double-free", title: "Freed twice" })] });
    const all = linesOf(both).join("\n");
    expect(all).toContain("2 findings");
    expect(all).toContain("Freed twice");
    expect(all.split("Evidence\n")).toHaveLength(2);
  });
});

describe("a report without findings", () => {
  it("that is clean says what was looked for and that this bounds it", () => {
    const outcome = { exitCode: 7, signal: null, timedOut: false };
    const text = linesOf(report({ findings: [] }, { outcome })).join("\n");
    expect(text).toContain("gdb-capture: clean");
    expect(text).toContain("exited with status 7");
    expect(text).toContain("- fatal signals");
    expect(text).toContain("libx.so has no names");
  });

  it("that is inconclusive says what, why and the mend, and never clean", () => {
    const obstacles = [{ what: "gdb cannot be used", why: "it is not installed", mend: "apt-get install -y gdb" }];
    const text = linesOf(report({ findings: [], verdict: "inconclusive", obstacles })).join("\n");
    expect(text).toContain("inconclusive");
    expect(text).toContain("What    gdb cannot be used");
    expect(text).toContain("Why     it is not installed");
    expect(text).toContain("Mend    apt-get install -y gdb");
    expect(text).not.toMatch(/clean|Nothing was found/);
  });
});

describe("colour", () => {
  it("comes only when asked, and changes no letter", () => {
    const painted = renderTerminal(report(), { ...plain, color: true });
    expect(painted).toContain("\u001b[");
    expect(stripVTControlCharacters(painted)).toBe(renderTerminal(report(), plain));
  });
});

describe("what a target says about itself", () => {
  const nasty = "\u001b]0;owned\u0007\u001b[2Jx\u009b31m\r\nERROR\u202efdp.exe\u2066\u200b\u2028";

  it("never acts on the terminal", () => {
    for (const verbose of [false, true]) {
      const lines = linesOf(hostile(nasty), { ...plain, verbose });
      expect(lines.filter((line) => ACTING.test(line))).toEqual([]);
      expect(lines.join("\n")).toContain("\\x1b");
    }
  });

  it("never acts and never leaves the page, whatever it is and however wide the page", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.string({ unit: fc.constantFrom("\u001b", "\n", "\u202e", "\ud83d", "\ude00", "a", " ", "<", "::") }),
      fc.integer({ min: 1, max: 5000 }).map((length) => "x".repeat(length)),
    );
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 300 }), fc.boolean(), (given, width, verbose) => {
        const lines = linesOf(hostile(given), { ...plain, width, verbose });
        const page = Math.max(60, Math.min(120, width));
        expect(lines.filter((line) => ACTING.test(line))).toEqual([]);
        expect(tooWide(lines, page)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

it("keeps to the page, except in commands", () => {
  const command = `valgrind ${"node ".repeat(40)}x`;
  const steps = [{ command, why: "w", cost: "c" }];
  const lines = linesOf(report({ findings: [finding({ nextSteps: steps })] }), { ...plain, verbose: true });
  expect(tooWide(lines, 80, [command])).toEqual([]);
  expect(lines.map((line) => line.trim())).toContain(command);
});

describe("a finding of a checker", () => {
  const block = { address: "0x10", size: 64, state: "freed", offset: 80, allocator: "malloc", owner: "libx.so" };
  const shown = (offset: number, state = "freed"): string =>
    renderTerminal(report({ findings: [finding({ block: { ...block, offset, state } })] }), {
      width: 100,
      color: false,
      runDir: null,
      verbose: false,
    });

  it.each([
    [80, "16 bytes behind a block of 64 bytes that malloc gave, freed"],
    [64, "right behind a block of 64 bytes"],
    [1, "1 byte into a block of 64 bytes"],
    [0, "at the start of a block of 64 bytes"],
    [-8, "8 bytes before a block of 64 bytes"],
  ])("at %i says where the block lies", (offset, text) => {
    expect(shown(offset)).toContain(text);
  });

  it("says which instrument did not see what, where there were several", () => {
    const spot = (what: string) => ({ lookedFor: [], blindSpots: [{ what, why: "w", mend: null }], notShown: [] });
    const coverage = [
      { probe: "gdb" as const, ...spot("leaks") },
      { probe: "valgrind" as const, ...spot("races") },
    ];
    const text = renderTerminal(report({ coverage }), { width: 100, color: false, runDir: null, verbose: false });
    expect(text).toContain("- gdb: leaks: w");
    expect(text).toContain("- valgrind: races: w");
  });
});
