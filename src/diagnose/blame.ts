import type { Crash } from "../model/crash.js";
import type { Frame } from "../model/frame.js";
import type { Blame } from "../model/primitives.js";
import { boundaryFrame, type Diagnosis, faultFrames, nameOf, siteOf } from "./diagnosis.js";

/** A pointer to a structure is one of its arguments when the bad address is this close above it, in bytes. */
const WITHIN = 0x1000n;

/** Whose fault a crash is, from who stood where; "unknown" with a reason where a crash cannot tell. */
export function blameOf(crash: Crash, diagnosis: Diagnosis): { side: Blame; reason: string } {
  if (diagnosis.blame !== undefined) {
    return diagnosis.blame;
  }
  const site = siteOf(crash);
  if (site === null) {
    return { side: "unknown", reason: "no stack could be read" };
  }
  switch (site.side) {
    case "library":
      return inLibrary(crash);
    case "binding":
      return outside(crash, site, `the fault is in binding code (${nameOf(site)})`);
    case "script":
    case "host":
      return inHost(crash, site);
    case "system":
      return { side: "unknown", reason: "only system code is on the stack" };
  }
}

function inLibrary(crash: Crash): { side: Blame; reason: string } {
  const boundary = boundaryFrame(crash);
  const argument = boundary === null ? null : badArgument(crash, boundary);
  if (boundary !== null && argument !== null) {
    return {
      side: "boundary",
      reason: `the bad pointer is the argument ${argument} of ${nameOf(boundary)}: it came in with the call, and either the caller passed a wrong one or the two sides disagree on what it means`,
    };
  }
  if (boundary !== null && boundary.args.length > 0) {
    return {
      side: "library",
      reason: `it happened in the library's own code, and the bad pointer is none of the arguments that came in through ${nameOf(boundary)}`,
    };
  }
  return {
    side: "library",
    reason:
      boundary === null
        ? "every frame that is not the system's is the library's own, on a thread that no host code called from"
        : `it happened in the library's own code; the arguments of ${nameOf(boundary)} could not be read`,
  };
}

/** The argument of the crossing call that is the bad pointer, or that it is a field of. */
function badArgument(crash: Crash, boundary: Frame): string | null {
  const address = crash.access?.address;
  if (address === null || address === undefined) {
    return null;
  }
  const base = crash.access?.base?.value;
  const at = BigInt(address);
  const found = boundary.args.find(({ value }) => {
    const given = BigInt(value);
    return (
      value === base ||
      (given > 0n && at >= given && at - given < WITHIN) ||
      (given === 0n && at < WITHIN && base === "0x0" && isOnly(boundary))
    );
  });
  return found?.name ?? null;
}

/** A null argument counts only where the fault is in the crossing function itself: deeper down any null will do. */
function isOnly(boundary: Frame): boolean {
  return boundary.index === 0;
}

function inHost(crash: Crash, site: Frame): { side: Blame; reason: string } {
  const native = crash.hostRuntime === "c" || crash.hostRuntime === "rust";
  if (crash.signal.name === "EXIT" || crash.signal.name === "PANIC" || crash.signal.name === "SIGABRT") {
    return {
      side: "host",
      reason: `the host's own code ended the process (${nameOf(site)}), and no native library is on the stack`,
    };
  }
  const reached = crash.modules.some((module) => module.inQuestion && module.path !== crash.executable);
  if (native) {
    return {
      side: "unknown",
      reason: reached
        ? `the program's own code (${nameOf(site)}) used a bad pointer; whether a library handed it out is not on this stack`
        : `the program's own code (${nameOf(site)}) used a bad pointer, and it is all one program`,
    };
  }
  if (site.language === "go" && BigInt(crash.access?.address ?? "0x0") < WITHIN) {
    return { side: "host", reason: `${nameOf(site)} used a nil pointer of its own` };
  }
  return outside(crash, site, `${nameOf(site)} read memory through a raw pointer`);
}

function outside(crash: Crash, site: Frame, what: string): { side: Blame; reason: string } {
  const below = faultFrames(crash).some(({ side }) => side === "library");
  return {
    side: "boundary",
    reason: `${what}, ${below ? "called from the library" : "after the library's call had returned"}: native memory was used on the ${site.side} side, and who let it become invalid is not on this stack`,
  };
}
