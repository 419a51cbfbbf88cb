import { Chalk, type ChalkInstance } from "chalk";
import { escapeText } from "../escape.js";

const NARROWEST = 60;
const WIDEST = 120;

/** Lines of a page of fixed width. All text from a target passes `escapeText` on its way in. */
export class Page {
  readonly width: number;
  readonly style: ChalkInstance;
  private readonly lines: string[] = [];

  constructor(options: { width: number; color: boolean }) {
    this.width = Math.max(NARROWEST, Math.min(WIDEST, options.width));
    this.style = new Chalk({ level: options.color ? 1 : 0 });
  }

  blank(): void {
    if (this.lines.at(-1) !== "") {
      this.lines.push("");
    }
  }

  /** A paragraph, wrapped; `style` is laid over each whole line. */
  text(text: string, options: { indent?: number; hang?: number; style?: ChalkInstance } = {}): void {
    const { indent = 0, hang = indent, style } = options;
    const wrapped = wrap(escapeText(text, 4000), this.width - indent, this.width - hang);
    for (const [i, line] of wrapped.entries()) {
      const shown = style === undefined ? line : style(line);
      this.lines.push(`${" ".repeat(i === 0 ? indent : hang)}${shown}`);
    }
  }

  heading(text: string): void {
    this.blank();
    this.text(text, { hang: 2, style: this.style.bold });
  }

  /** "  Label   text that goes on under itself". */
  labelled(label: string, text: string, style?: ChalkInstance): void {
    const before = `  ${label.padEnd(7)} `;
    const wrapped = wrap(escapeText(text, 4000), this.width - before.length, this.width - before.length);
    for (const [i, line] of wrapped.entries()) {
      const shown = style === undefined ? line : style(line);
      this.lines.push(`${i === 0 ? this.style.bold(before) : " ".repeat(before.length)}${shown}`);
    }
  }

  /** A command to be pasted: never wrapped, as a line end would change it. */
  command(text: string, indent: number): void {
    this.lines.push(`${" ".repeat(indent)}${this.style.cyan(escapeText(text, 4000))}`);
  }

  /** One line as it is: the caller has escaped what comes from a target, cut it to the page and coloured it. */
  raw(line: string): void {
    this.lines.push(line);
  }

  /** One line of cells, made harmless and cut to the page; `style` is laid over it. */
  row(text: string, style?: ChalkInstance): void {
    const line = this.cut(escapeText(text), this.width);
    this.raw(style === undefined ? line : style(line));
  }

  /** Cut to so many characters, with dots; a pair of surrogates is not torn. */
  cut(text: string, width: number): string {
    return text.length <= width ? text : `${text.slice(0, whole(text, Math.max(0, width - 3)))}...`;
  }

  toString(): string {
    return `${this.lines.join("\n")}\n`;
  }
}

/** `at`, or one less where that would tear a pair of surrogates. */
function whole(text: string, at: number): number {
  const before = text.charCodeAt(at - 1);
  return before >= 0xd800 && before <= 0xdbff ? at - 1 : at;
}

/** Breaks at spaces; a word that is longer than the line is broken anywhere. */
export function wrap(text: string, first: number, rest: number): string[] {
  const lines: string[] = [];
  let line = "";
  const room = (): number => Math.max(1, lines.length === 0 ? first : rest);
  for (let word of text.split(/ +/)) {
    if (line !== "" && line.length + 1 + word.length > room()) {
      lines.push(line);
      line = "";
    }
    while (word.length > room()) {
      const space = room();
      if (line !== "") {
        lines.push(line);
        line = "";
        continue;
      }
      const end = Math.max(1, whole(word, space));
      lines.push(word.slice(0, end));
      word = word.slice(end);
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}
