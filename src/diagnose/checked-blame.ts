import type { CheckerError } from "../model/checker-error.js";
import type { FindingCode } from "../model/finding-code.js";
import type { Frame, Side, StackRole } from "../model/frame.js";
import type { Blame } from "../model/primitives.js";
import { BY_POINTER } from "./blame.js";
import { framesOf, shownAt } from "./checked.js";
import { boundaryIn, nameOf, shortName, siteIn } from "./diagnosis.js";

/** The two who can be at fault; glue is nobody's until it is shown to be. */
type Party = "library" | "host" | "binding" | null;

interface Part {
  party: Party;
  site: Frame | null;
  boundary: Frame | null;
}

interface Verdict {
  side: Blame;
  reason: string;
}

/** Whose fault an error of a checker is, from who allocated, who freed and who used; "boundary" where the two disagree on who owns. */
export function checkedBlame(error: CheckerError, code: FindingCode): Verdict {
  if (error.damage !== undefined) {
    return unseen(error);
  }
  const use = part(error, shownAt(error));
  const alloc = part(error, framesOf(error, "alloc"));
  const free = part(error, framesOf(error, "free"));
  const origin = part(error, framesOf(error, "origin"));
  switch (code) {
    case "heap-use-after-free":
    case "double-free":
      return twice(error, use, free, code === "double-free" ? AGAIN : "used it");
    case "heap-buffer-overflow":
    case "heap-buffer-underflow":
      return bounds(use, alloc);
    case "invalid-free":
    case "alloc-dealloc-mismatch":
      return freedWrongly(use, alloc);
    case "uninitialized-read":
      return unwritten(use, origin);
    case "memory-leak":
      return leaked(use);
    default:
      return BY_POINTER.has(code) && use.party === "host" ? throughPointer(error, use) : single(use);
  }
}

/** Nobody saw who wrote. */
function unseen(error: CheckerError): Verdict {
  const alloc = siteIn(framesOf(error, "alloc"));
  const free = siteIn(framesOf(error, "free"));
  const life = [
    ...(alloc === null ? [] : [`${nameOf(alloc)} allocated the block`]),
    ...(free === null ? [] : [`${nameOf(free)} freed it`]),
  ].join(" and ");
  return { side: "unknown", reason: `who wrote was not seen${life === "" ? "" : `; ${life}`}` };
}

function part(error: CheckerError, frames: readonly Frame[]): Part {
  const site = siteIn(frames);
  return { site, boundary: boundaryIn(frames), party: site === null ? null : partyOf(site.side, error) };
}

function partyOf(side: Side, error: CheckerError): Party {
  switch (side) {
    case "library":
      return "library";
    case "binding":
      return "binding";
    case "script":
      return "host";
    case "host":
      return error.hostRuntime === "unknown" ? null : "host";
    case "system":
      return null;
  }
}

/** A pointer that the host used may have come from the library; who made it bad is on no stack. */
function throughPointer(error: CheckerError, use: Part): Verdict {
  const native = error.hostRuntime === "c" || error.hostRuntime === "rust";
  return native
    ? {
        side: "unknown",
        reason: `the program's own code (${nameOf(use.site)}) used a bad pointer; whether a library handed it out is not on this stack`,
      }
    : {
        side: "boundary",
        reason: `${nameOf(use.site)} used memory through a raw pointer on the host's side, and who made or left it invalid is not on this stack`,
      };
}

const CANNOT_TELL = "only system code is on the stacks";

const AGAIN = "freed it again";

/** From the free up to the call that crossed, instruction by instruction. */
function isSamePath(one: readonly Frame[], other: readonly Frame[]): boolean {
  const crossed = (frames: readonly Frame[]): string =>
    frames
      .slice(0, frames.findIndex(({ boundary }) => boundary) + 1)
      .map(({ pc, function: name, line }) => `${pc} ${name} ${line}`)
      .join("\n");
  return crossed(one) === crossed(other);
}

/** Freed by one, then used or freed again by another. */
function twice(error: CheckerError, use: Part, free: Part, did: string): Verdict {
  if (use.party === null || free.party === null) {
    return { side: "unknown", reason: CANNOT_TELL };
  }
  const freed = `${nameOf(free.site)} freed the block`;
  if (use.boundary !== null && did === AGAIN && isSamePath(framesOf(error, "free"), shownAt(error))) {
    return {
      side: "boundary",
      reason: `the same code of ${shortName(use.boundary)} freed it both times: either the host made that call twice, or the library came by twice`,
    };
  }
  if (use.party === "library" && free.party === "library") {
    const giving = free.boundary;
    if (giving !== null && use.boundary !== null && shortName(giving) !== shortName(use.boundary)) {
      return {
        side: "boundary",
        reason: `the call of ${shortName(giving)} freed the block, and the call of ${shortName(use.boundary)} ${did}: either the host was not to call the second any more, or the library was not to keep the pointer`,
      };
    }
    return { side: "library", reason: `its own code freed the block and ${did}` };
  }
  if (use.party === free.party) {
    return { side: use.party === "binding" ? "boundary" : "host", reason: `${freed}, and the same side ${did}` };
  }
  return {
    side: "boundary",
    reason: `${freed}, and ${nameOf(use.site)} ${did}: the two sides disagree on who owns it, or for how long it was lent`,
  };
}

function bounds(use: Part, alloc: Part): Verdict {
  if (use.party === null) {
    return { side: "unknown", reason: CANNOT_TELL };
  }
  if (alloc.party === use.party) {
    return {
      side: use.party,
      reason: `${nameOf(alloc.site)} allocated the block, and the same side went beyond it`,
    };
  }
  if (alloc.party === null) {
    return { ...single(use), side: use.party === "library" ? "unknown" : "boundary" };
  }
  return {
    side: "boundary",
    reason: `${nameOf(alloc.site)} allocated the block, and ${nameOf(use.site)} on the other side went beyond it: either the length that crossed was wrong, or it was not kept to`,
  };
}

function freedWrongly(use: Part, alloc: Part): Verdict {
  if (use.party === null) {
    return { side: "unknown", reason: CANNOT_TELL };
  }
  if (alloc.party === null || alloc.party === use.party) {
    return alloc.party === null && use.party === "library" && use.boundary !== null
      ? {
          side: "boundary",
          reason: `${nameOf(use.site)} freed what came in with the call of ${shortName(use.boundary)}, or what it took for its own`,
        }
      : { side: use.party, reason: `${nameOf(use.site)} freed it, and no other side has a part in it` };
  }
  return {
    side: "boundary",
    reason: `${nameOf(alloc.site)} allocated the block, and ${nameOf(use.site)} freed it: who allocates must free, by the function that belongs to it`,
  };
}

function unwritten(use: Part, origin: Part): Verdict {
  if (origin.party === null) {
    return { side: "unknown", reason: "where the value came from was not recorded" };
  }
  if (use.party === null || use.party === origin.party) {
    return { side: origin.party, reason: `${nameOf(origin.site)} made room for the value and did not write it` };
  }
  return origin.party === "library"
    ? { side: "library", reason: `${nameOf(origin.site)} handed out memory of which these bytes were never written` }
    : {
        side: "boundary",
        reason: `the memory is ${nameOf(origin.site)}'s: either it was to be filled before the call, or the library was to fill it`,
      };
}

function leaked(made: Part): Verdict {
  if (made.party === "library" && made.boundary !== null) {
    return {
      side: "boundary",
      reason: `the call of ${shortName(made.boundary)} allocated it: either the host was to give it back, or the library lost it`,
    };
  }
  if (made.party === "library") {
    return {
      side: "unknown",
      reason: `${nameOf(made.site)} allocated it where no call of the host's is on the stack: whether the library lost it, or handed it out by another call, is not seen`,
    };
  }
  return single(made);
}

function single(use: Part): Verdict {
  switch (use.party) {
    case null:
      return { side: "unknown", reason: CANNOT_TELL };
    case "library":
      return use.boundary === null || use.boundary === use.site
        ? { side: "library", reason: `its own code did it (${nameOf(use.site)})` }
        : {
            side: "library",
            reason: `its own code did it (${nameOf(use.site)}), in the call of ${shortName(use.boundary)}; unless what came in with the call was bad already`,
          };
    case "binding":
      return { side: "boundary", reason: `binding code did it (${nameOf(use.site)}), with what it was given` };
    case "host":
      return {
        side: use.boundary === null ? "host" : "boundary",
        reason: `the host's own code did it (${nameOf(use.site)})`,
      };
  }
}

/** The stacks whose sites tell one bug from another. */
export const telling: readonly StackRole[] = ["alloc", "free", "origin"];
