import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderMarkdown } from "../../../src/render/markdown.js";
import { finding, hostile, report } from "./reports.js";

const options = { showMemory: false };
/** What is left when code, in which nothing acts, is taken out. */
function outsideCode(text: string): string {
  return text.replace(/^(`{3,})$[\s\S]*?^\1$/gm, "").replace(/(?<!`)(`+)(?!`)(?:(?!(?<!`)\1(?!`))[^\n])*\1(?!`)/g, "");
}

describe("the summary", () => {
  it("has the verdict, a table, and what is needed to act", () => {
    const text = renderMarkdown(report(), options);
    expect(text).toContain("## ffi-doctor `gdb-capture`: 1 finding");
    expect(text).toContain(
      "| error `null-dereference` | Read through a null pointer, in stock\\_read | `wh_count` | library | proved | gdb |",
    );
    expect(text).toContain("```\nvalgrind node app.js\n```");
    expect(text).toContain("**Not seen**");
  });

  it("has no backslashes in the line that opens a finding, where Markdown is not read", () => {
    expect(renderMarkdown(report(), options)).toContain(
      "<summary>null-dereference: Read through a null pointer, in stock_read</summary>",
    );
  });

  it("keeps a code host from making links of names, and leaves names as they are", () => {
    const title = "in a::lock::b, memcpy@plt of @team, #12, https://x.de";
    const gap = "&#8203;";
    expect(renderMarkdown(report({ findings: [finding({ title })] }), options)).toContain(
      `in a::lock::b, memcpy@plt of @${gap}team, #${gap}12, https:${gap}//x.de</summary>`,
    );
  });

  it("of a clean run and of one that could not answer says so", () => {
    expect(renderMarkdown(report({ findings: [] }), options)).toContain(": Clean");
    const obstacles = [{ what: "gdb cannot be used", why: "it is not installed", mend: "apt-get install -y gdb" }];
    const text = renderMarkdown(report({ findings: [], verdict: "inconclusive", obstacles }), options);
    expect(text).toContain("Inconclusive");
    expect(text).toContain("`apt-get install -y gdb`");
  });

  it("is cut before it is too long to be shown", () => {
    const many = Array.from({ length: 400 }, () =>
      finding({ evidence: Array.from({ length: 40 }, () => "x".repeat(90)) }),
    );
    const text = renderMarkdown(report({ findings: many }), options);
    expect(Buffer.byteLength(text)).toBeLessThan(600 << 10);
    expect(text).toContain("The rest was left out");
    // What could not be seen is not what is cut.
    expect(text).toContain("**Not seen**");
  });

  it("lets nothing act that a target calls itself", () => {
    const nasty = [
      "</details><script>alert(1)</script>",
      "![x](http://evil/x.png) [y](javascript:x) <img src=x onerror=y>",
      "``` \n# heading\n```` | a | b |",
      "@everyone #1 https://evil.example www.evil.example",
    ];
    const unit = fc.constantFrom(..."`|<>[]()!*_#&\\\n@ax:/".split(""));
    const all = [...nasty, ...fc.sample(fc.string({ unit, maxLength: 24 }), 150)];
    for (const given of all) {
      const shown = outsideCode(renderMarkdown(hostile(given), options)).replace(/<\/?(details|summary)>/g, "");
      expect(shown).not.toMatch(/<[a-z!/]/i);
      expect(shown).not.toMatch(/(?<!\\)\]\(|(?<!\\)!\[/);
      expect(shown).not.toMatch(/(?<![\w&])@\w|https?:\/\/|www\./);
    }
  });
});
