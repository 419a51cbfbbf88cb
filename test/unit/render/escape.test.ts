import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeText } from "../../../src/render/escape.js";
import { wrap } from "../../../src/render/terminal/page.js";

describe("escapeText", () => {
  it.each([
    ["plain text, ünïcode 統計 and 😀", "plain text, ünïcode 統計 and 😀"],
    ["\u001b[31m", "\\x1b[31m"],
    ["a\nb\tc\r", "a\\x0ab\\x09c\\x0d"],
    ["\u009b", "\\x9b"],
    ["\u202eabc\u2069", "\\u{202e}abc\\u{2069}"],
    ["\u200b\ufeff", "\\u{200b}\\u{feff}"],
    ["\ud83d", "\\u{d83d}"],
  ])("%j", (given, shown) => {
    expect(escapeText(given)).toBe(shown);
  });

  it("leaves nothing that acts, and shows the rest as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (given) => {
        const shown = escapeText(given);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(escapeText(shown)).toBe(shown);
      }),
    );
  });

  it("bounds what it shows and tears no character in two", () => {
    expect(escapeText("x".repeat(1000), 10)).toBe(`${"x".repeat(10)}...`);
    expect(escapeText("a😀b", 2)).toBe("a...");
  });
});

describe("wrap", () => {
  it("keeps to the width and loses no letter", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "😀", "<"), minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), fc.integer({ min: 2, max: 40 }), (words, width) => {
        const lines = wrap(words.join(" "), width, width);
        expect(lines.filter((line) => line.length > width || /\p{Cs}/u.test(line))).toEqual([]);
        expect(lines.join("").replaceAll(" ", "")).toBe(words.join(""));
      }),
    );
  });
});
