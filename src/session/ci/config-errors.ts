import type { z } from "zod";
import { Config, ConfigOutput, ConfigRun, Suppression } from "../../model/config.js";
import { UserError } from "../../model/errors.js";
import { nearest } from "../nearest.js";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** So many mistakes are told at a time. */
const MOST = 10;

/** So many words that a key can have are listed. */
const FEW = 12;

/** What a key takes, by its path without numbers; told when something else is there. */
const TAKES: Record<string, string> = {
  "": "an object, as docs/schema/config.schema.json describes it",
  lib: 'a list of library names, as in ["libexample.so"]',
  runs: 'a list, as in [{ "name": "tests", "command": ["node", "test.js"], "instruments": ["gdb-capture"] }]',
  "runs[].name": "letters, digits, dot, dash and underscore, and not report.json: it is the name of a folder, too",
  "runs[].command": 'a list of words, as in ["node", "test.js"]; a line for a shell is ["sh", "-c", "..."]',
  "runs[].instruments": 'a list, as in ["gdb-capture", "valgrind"]',
  "runs[].lib": 'a list of library names, as in ["libexample.so"]',
  "runs[].env": 'an object of texts, as in { "LOG": "debug" }; null unsets',
  "runs[].env.": 'a text, as in "1"; null unsets the variable',
  "runs[].timeout": "a number of seconds above 0, or null for no limit",
  "runs[].expectStatus": "a whole number from 0 to 255; 128 + n for signal n",
  timeout: "a number of seconds above 0, or null for no limit",
  suppressions: "a list of objects, each with a reason and an expiry date",
  "suppressions[]": "give at least one of fingerprint, code, function and module",
  "suppressions[].reason": "say why it is accepted, for those who read it later",
  "suppressions[].expires": 'the last day on which it applies, as in "2026-12-31", or null for never',
  "suppressions[].code": "ffi-doctor explain lists the codes",
  baseline: "the name of a report.json that ffi-doctor ci --update-baseline has written, or null",
  outputs: 'a list, as in [{ "format": "json", "file": "report.json" }]',
};

/** The keys that there are, by the path of their object. */
const KEYS: Record<string, readonly string[]> = {
  "": Object.keys(Config.shape),
  "runs[]": Object.keys(ConfigRun.shape),
  "suppressions[]": Object.keys(Suppression.shape),
  "outputs[]": Object.keys(ConfigOutput.shape),
};

/** One sentence for each mistake, with the key and a hint. */
export function configError(file: string, issues: readonly Issue[], value: unknown): UserError {
  const told = issues.flatMap((issue) => sentences(issue, value));
  const [first, ...others] = told;
  if (others.length === 0) {
    return new UserError(`${file}: ${first?.what ?? "it cannot be used"}`, { hint: first?.hint ?? null });
  }
  const more = told.length > MOST ? [`and ${told.length - MOST} more`] : [];
  return new UserError(`${file} has ${told.length} mistakes`, {
    details: [...told.slice(0, MOST).map(({ what, hint }) => (hint === null ? what : `${what} (${hint})`)), ...more],
  });
}

interface Told {
  what: string;
  hint: string | null;
}

function sentences(issue: Issue, value: unknown): Told[] {
  const key = keyText(issue.path);
  const takes = takesOf(issue.path);
  const at = valueAt(value, issue.path);
  const say = (what: string, hint: string | null = takes): Told => ({
    what: key === "" ? what : `${key}: ${what}`,
    hint,
  });
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((unknown) => unknownKey(issue.path, unknown));
    case "invalid_type":
      return [at === undefined ? say("it is missing") : say(`${kindOf(at)} is no ${expected(issue.expected)}`)];
    case "invalid_value":
      return [at === undefined ? say("it is missing") : notOneOf(say, at, issue.values.map(String), takes)];
    case "too_small":
      return [say(issue.origin === "array" || issue.origin === "string" ? "it is empty" : `${short(at)} is too small`)];
    case "too_big":
      return [say(`${short(at)} is too ${issue.origin === "string" ? "long" : "big"}`)];
    case "invalid_format":
      return [say(`${short(at)} cannot stand here`)];
    case "invalid_key":
      return [say("this cannot be the name of an environment variable", null)];
    case "custom":
      return [say(issue.message, (issue.params?.["hint"] as string | undefined) ?? takes)];
    default:
      return [say(issue.message)];
  }
}

function unknownKey(path: Path, key: string): Told {
  const known = KEYS[plain(path)] ?? [];
  const near = nearest(key, known);
  return {
    what: `${keyText([...path, key])}: there is no such key`,
    hint: near === null ? `the keys here are ${known.join(", ")}` : `did you mean ${near}?`,
  };
}

function notOneOf(
  say: (what: string, hint: string | null) => Told,
  at: unknown,
  words: readonly string[],
  takes: string | null,
): Told {
  const near = typeof at === "string" ? nearest(at, words) : null;
  const guess = near === null ? "" : `did you mean ${near}? `;
  const list = words.length <= FEW ? `it is one of ${words.join(", ")}` : (takes ?? "");
  return say(`${short(at)} is not known here`, `${guess}${list}`);
}

/** `runs[0].instruments[1]`. */
function keyText(path: Path): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
}

function plain(path: Path): string {
  return keyText(path).replaceAll(/\[\d+\]/g, "[]");
}

/** What the key takes, or where that is a word in a list, what the list takes. */
function takesOf(path: Path): string | null {
  const key = plain(path);
  return (
    TAKES[key] ??
    TAKES[key.replace(/^(runs\[\]\.env\.).*/s, "$1")] ??
    (key.endsWith("[]") ? (TAKES[key.slice(0, -2)] ?? null) : null)
  );
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  );
}

function kindOf(value: unknown): string {
  const kind = Array.isArray(value) ? "a list" : value === null ? "null" : undefined;
  const names: Record<string, string> = {
    object: "an object",
    string: "a text",
    function: "a function",
    boolean: "true or false",
  };
  return kind ?? (typeof value === "number" ? `the number ${value}` : (names[typeof value] ?? typeof value));
}

function expected(type: string): string {
  const names: Record<string, string> = { array: "list", string: "text", record: "object", int: "whole number" };
  return names[type] ?? type;
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
