import { InvalidArgumentError } from "commander";
import type { Format, Options } from "../model/options.js";
import type { Severity } from "../model/primitives.js";
import { type Checker, checkers, formats, severities } from "../model/vocabulary.js";

const MAX_PID = 4_194_304;
const MAX_COUNT = 1_000_000;
const MAX_SECONDS = 2_000_000;
const MAX_MEBIBYTES = 16_384;

/** --format <name>[=file]. */
export function parseFormat(text: string, before: Options["formats"]): Options["formats"] {
  const equals = text.indexOf("=");
  const name = equals < 0 ? text : text.slice(0, equals);
  const file = equals < 0 ? null : text.slice(equals + 1);
  if (!(formats as readonly string[]).includes(name)) {
    throw new InvalidArgumentError(`It is one of ${formats.join(", ")}, with =<file> to write it there.`);
  }
  if (file === "") {
    throw new InvalidArgumentError("After = a file is named.");
  }
  if (
    file === null &&
    name !== "terminal" &&
    before.some((other) => other.file === null && other.format !== "terminal")
  ) {
    throw new InvalidArgumentError("Standard output holds one format; the others go to files, as in junit=report.xml.");
  }
  return [...before, { format: name as Format, file }];
}

export function parseSeverity(text: string): Severity {
  const severity = severities.find((candidate) => candidate === text);
  if (severity === undefined) {
    throw new InvalidArgumentError(`It is one of ${severities.join(", ")}.`);
  }
  return severity;
}

/** --with, once for each checker. */
export function parseChecker(text: string, before: readonly Checker[]): Checker[] {
  const checker = checkers.find((candidate) => candidate === text);
  if (checker === undefined) {
    throw new InvalidArgumentError(`It is one of ${checkers.join(", ")}.`);
  }
  return [...new Set([...before, checker])];
}

export function parseSeconds(text: string): number {
  return number(text, /^\d+(\.\d+)?$/, MAX_SECONDS, "A number of seconds above 0, as in 30 or 0.5.");
}

export function parseCount(text: string): number {
  return number(text, /^\d+$/, MAX_COUNT, "A whole number from 1 on.");
}

/** --poison a5,5a. */
export function parsePoison(text: string): Pick<Options["heap"], "allocFill" | "freeFill"> {
  const match = /^(?:0x)?([0-9a-f]{2}),(?:0x)?([0-9a-f]{2})$/i.exec(text);
  if (match === null) {
    throw new InvalidArgumentError("Two bytes in hex, for allocated and for freed memory, as in a5,5a.");
  }
  const [allocFill, freeFill] = [Number.parseInt(match[1] ?? "", 16), Number.parseInt(match[2] ?? "", 16)];
  if (allocFill === freeFill) {
    throw new InvalidArgumentError("The two bytes differ, or nobody could tell allocated memory from freed.");
  }
  return { allocFill, freeFill };
}

/** --quarantine. */
export function parseMebibytes(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > MAX_MEBIBYTES) {
    throw new InvalidArgumentError(`A whole number of MiB up to ${MAX_MEBIBYTES}.`);
  }
  return Number(text);
}

export function parsePid(text: string): number {
  return number(text, /^\d+$/, MAX_PID, "A process id.");
}

/** --only, once for each run. */
export function collectName(text: string, before: readonly string[]): string[] {
  return [...new Set([...before, text])];
}

export function collect(text: string, before: readonly string[]): string[] {
  if (text === "") {
    throw new InvalidArgumentError("It names a library.");
  }
  return [...before, text];
}

function number(text: string, shape: RegExp, most: number, why: string): number {
  const value = Number(text);
  if (!shape.test(text) || !(value > 0) || value > most) {
    throw new InvalidArgumentError(why);
  }
  return value;
}
