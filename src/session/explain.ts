import { readFileSync } from "node:fs";
import { join } from "node:path";
import { catalogue } from "../diagnose/catalogue.js";
import { UserError } from "../model/errors.js";
import { type FindingCode, findingCodes } from "../model/finding-code.js";
import type { CatalogueEntry } from "../model/report.js";
import { distance } from "./nearest.js";
import { places } from "./places.js";

const CLOSE_ENOUGH = 6;

export interface Explanation {
  code: FindingCode;
  entry: CatalogueEntry;
  /** The page of `docs/findings`, in Markdown. */
  page: string;
}

/** The page on a finding code. Throws UserError for one that does not exist, with the nearest that do. */
export function explainCode(asked: string): Explanation {
  const code = findingCodes.find((candidate) => candidate === asked);
  if (code === undefined) {
    const near = nearest(asked);
    throw new UserError(`there is no finding code ${asked.slice(0, 80)}`, {
      hint: near.length > 0 ? `did you mean ${near.join(" or ")}?` : "ffi-doctor explain lists them all",
    });
  }
  return { code, entry: catalogue[code], page: readFileSync(join(places.findings, `${code}.md`), "utf8") };
}

/** All codes with their titles, in the order of the catalogue. */
export function listCodes(): { code: FindingCode; title: string }[] {
  return findingCodes.map((code) => ({ code, title: catalogue[code].title }));
}

function nearest(asked: string): string[] {
  const word = asked.toLowerCase().slice(0, 40);
  return findingCodes
    .map((code) => ({ code, distance: isPartOf(word, code) ? 0 : distance(word, code) }))
    .filter((row) => row.distance <= CLOSE_ENOUGH)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map((row) => row.code);
}

function isPartOf(word: string, code: string): boolean {
  const first = word.split("-")[0] ?? "";
  return first.length > 2 && (code.includes(word) || code.split("-").includes(first));
}
