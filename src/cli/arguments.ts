import { InvalidArgumentError } from "commander";
import type { Format, Options } from "../model/options.js";
import type { Severity } from "../model/primitives.js";
import { type Checker, checkers, formats, severities } from "../model/vocabulary.js";

const MAX_PID = 4_194_304;
const MAX_COUNT = 1_000_000;
const MAX_SECONDS = 2_000_000;

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
