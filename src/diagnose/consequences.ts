import type { CheckerError } from "../model/checker-error.js";
import { knownBy } from "./cause.js";
import { framesOf, shownAt } from "./checked.js";
import { boundaryIn, nameOf, shortName, siteIn } from "./diagnosis.js";

/** So many further places are named. */
const NAMED = 3;

/**
 * The first error of each mistake. Code that goes on with a block that was freed, or behind one, makes an error at each instruction that
 * touches it: those of one call, with a block of the same origin and end, are one mistake, and the first is where it began. So are those of
 * a host with values that a library handed it unwritten.
 */
export function firstOfEach(errors: readonly CheckerError[]): CheckerError[] {
  const groups = new Map<string, CheckerError[]>();
  for (const [i, error] of errors.entries()) {
    const key = mistakeKey(error) ?? String(i);
    groups.set(key, [...(groups.get(key) ?? []), error]);
  }
  return [...groups.values()].flatMap(([first, ...later]) => (first === undefined ? [] : [withLater(first, later)]));
}

/** Null for what says nothing of a block's life: each such error stands for itself. */
function mistakeKey(error: CheckerError): string | null {
  if (error.mistake === "uninitialized") {
    return unwrittenKey(error);
  }
  if (error.mistake !== "freed-access" && error.mistake !== "heap-bounds") {
    return null;
  }
  const alloc = knownBy(framesOf(error, "alloc"));
  const free = knownBy(framesOf(error, "free"));
  const use = boundaryIn(shownAt(error));
  if (alloc.length + free.length === 0 || use === null) {
    return null;
  }
  const before = error.mistake === "heap-bounds" && (error.block?.offset ?? 0) < 0;
  return [error.probe, error.pid, error.mistake, before, shortName(use), ...alloc, "", ...free].join("\n");
}

/** A value that a library left unwritten goes through a host from hand to hand: each look at it there is one more error. */
function unwrittenKey(error: CheckerError): string | null {
  const origin = framesOf(error, "origin");
  const handed = siteIn(origin)?.side === "library" && siteIn(shownAt(error))?.side !== "library";
  return handed && boundaryIn(shownAt(error)) === null
    ? [error.probe, error.pid, error.mistake, ...knownBy(origin)].join("\n")
    : null;
}

function withLater(first: CheckerError, later: readonly CheckerError[]): CheckerError {
  if (later.length === 0) {
    return first;
  }
  const own = nameOf(siteIn(shownAt(first)));
  const places = [...new Set(later.map((error) => nameOf(siteIn(shownAt(error)))))].filter((place) => place !== own);
  const more = places.length > NAMED ? `, and ${places.length - NAMED} more places` : "";
  const how = first.mistake === "uninitialized" ? "the host goes on" : "the same call goes on";
  const where = places.length === 0 ? "" : `; ${how} with it in ${places.slice(0, NAMED).join(", ")}${more}`;
  return {
    ...first,
    text: `${first.text}${where}`,
    seen: first.seen + later.reduce((sum, { seen }) => sum + seen, 0),
    fatal: first.fatal || later.some(({ fatal }) => fatal),
    signal: first.signal ?? later.find(({ signal }) => signal !== null)?.signal ?? null,
  };
}
