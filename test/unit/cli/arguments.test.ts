import { InvalidArgumentError } from "commander";
import { describe, expect, it } from "vitest";
import { parseCount, parseFormat, parsePid, parseSeconds, parseSeverity } from "../../../src/cli/arguments.js";

describe("arguments that are taken", () => {
  it.each([
    [parseSeconds, "0.5", 0.5],
    [parseSeconds, "600", 600],
    [parseCount, "1", 1],
    [parsePid, "4194304", 4_194_304],
    [parseSeverity, "note", "note"],
  ] as const)("%o %j", (parse, text, value) => {
    expect(parse(text)).toBe(value);
  });

  it("formats, one after the other, with a file name that may hold =", () => {
    expect(parseFormat("json=a=b.json", parseFormat("terminal", []))).toEqual([
      { format: "terminal", file: null },
      { format: "json", file: "a=b.json" },
    ]);
  });
});

describe("arguments that are refused", () => {
  it.each([
    ...["", "0", "-1", "abc", "1e3", "0x10", "Infinity", "NaN", " 1", "1.", "99999999999"].map(
      (text) => [parseSeconds, text] as const,
    ),
    ...["", "0", "-1", "1.5", "abc", "99999999999"].map((text) => [parseCount, text] as const),
    ...["", "0", "-1", "4194305"].map((text) => [parsePid, text] as const),
    [parseSeverity, "fatal"] as const,
    [parseSeverity, ""] as const,
  ])("%o %j", (parse, text) => {
    expect(() => parse(text)).toThrow(InvalidArgumentError);
  });

  it.each(["xml", "json=", "", "=x", "JSON"])("the format %j", (text) => {
    expect(() => parseFormat(text, [])).toThrow(InvalidArgumentError);
  });
});
