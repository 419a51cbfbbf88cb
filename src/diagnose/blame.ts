import type { Crash } from "../model/crash.js";
import type { FindingCode } from "../model/finding-code.js";
import type { Frame } from "../model/frame.js";
import type { Blame } from "../model/primitives.js";
import { mapAt, NULL_PAGE } from "./addresses.js";
import { boundaryFrame, type Diagnosis, faultFrames, nameOf, shortName, siteOf } from "./diagnosis.js";

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
      return inLibrary(crash, diagnosis.code);
    case "binding":
      return outside(crash, site, `the fault is in binding code (${nameOf(site)})`);
    case "script":
    case "host":
      return inHost(crash, site, diagnosis.code);
    case "system":
      return { side: "unknown", reason: "only system code is on the stack" };
  }
}

/** Codes of a crash that a pointer caused, which may have come in with the call. */
export const BY_POINTER: ReadonlySet<FindingCode> = new Set([
  "null-dereference",
  "wild-pointer",
  "poisoned-pointer",
  "truncated-pointer",
  "misaligned-pointer",
  "write-to-readonly",
  "bus-error",
  "bad-code-pointer",
]);

function inLibrary(crash: Crash, code: FindingCode): { side: Blame; reason: string } {
  const boundary = boundaryFrame(crash);
  if (!BY_POINTER.has(code)) {
    const through = boundary === null ? "" : `, in the call of ${shortName(boundary)}`;
    return { side: "library", reason: `its own code did it${through}` };
  }
  const argument = boundary === null ? null : badArgument(crash, boundary);
  if (boundary !== null && argument !== null) {
    return {
      side: "boundary",
      reason: `the bad pointer is the argument ${argument} of ${shortName(boundary)}: the caller passed a wrong one, or the two sides disagree on what it means`,
    };
  }
  if (boundary !== null && boundary.args.length > 0) {
    return {
      side: "library",
      reason: `its own code did it, with a pointer that is none of the arguments of ${shortName(boundary)}${code === "null-dereference" ? "" : handle(crash, boundary)}`,
    };
  }
  return {
    side: "library",
    reason:
      boundary === null
        ? (cutShort(crash) ?? "no host code is on this stack: the thread is the library's own")
        : `its own code did it; the arguments of ${shortName(boundary)} could not be read`,
  };
}

/** Of a stack that could not be walked to its end nobody knows who began it. */
function cutShort(crash: Crash): string | null {
  const why = crash.threads.find(({ faulting }) => faulting)?.truncated ?? null;
  return why === null ? null : `its own code did it; who called it is not known, as the stack ends early (${why})`;
}

/** A pointer that came in may have been stale already; who made it so is not on the stack. */
function handle(crash: Crash, boundary: Frame): string {
  const pointer = boundary.args.find(
    ({ name, value }) => name !== "out" && !/len|size/.test(name) && isData(crash, BigInt(value)),
  );
  return pointer === undefined ? "" : `; unless the ${pointer.name} that came in was stale already`;
}

function isData(crash: Crash, value: bigint): boolean {
  return mapAt(crash.maps, value)?.perms.startsWith("rw") === true;
}

/** The argument of the crossing call that is the bad pointer, or that it is a field of. */
function badArgument(crash: Crash, boundary: Frame): string | null {
  const address = crash.access?.address;
  if (address === null || address === undefined) {
    return null;
  }
  const at = BigInt(address);
  const base = crash.access?.base?.value;
  // In the crossing function itself a null argument is the null that was used; deeper down any null will do.
  const nullGiven = boundary.index === 0 && base === "0x0";
  const found = boundary.args.find(({ name, value }) => {
    const given = BigInt(value);
    const isPointer = given >= NULL_PAGE && at >= given && at - given < WITHIN;
    return !/len|size|count/.test(name) && (isPointer || (nullGiven && given === 0n));
  });
  return found?.name ?? null;
}

function inHost(crash: Crash, site: Frame, code: FindingCode): { side: Blame; reason: string } {
  const native = crash.hostRuntime === "c" || crash.hostRuntime === "rust";
  if (crash.signal.name === "EXIT" || crash.signal.name === "PANIC" || crash.signal.name === "SIGABRT") {
    return gaveUp(crash, site);
  }
  const reached = crash.modules.some((module) => module.inQuestion && module.path !== crash.executable);
  if (native && !BY_POINTER.has(code)) {
    return { side: "host", reason: `the program's own code (${nameOf(site)}) did it` };
  }
  if (native) {
    return {
      side: "unknown",
      reason: reached
        ? `the program's own code (${nameOf(site)}) used a bad pointer; whether a library handed it out is not on this stack`
        : `the program's own code (${nameOf(site)}) used a bad pointer, and it is all one program`,
    };
  }
  const isNil = BigInt(crash.access?.base?.value ?? crash.access?.address ?? "0x0") === 0n;
  if (site.language === "go" && isNil) {
    return { side: "host", reason: `${nameOf(site)} used a nil pointer of its own` };
  }
  return outside(crash, site, `${nameOf(site)} read memory through a raw pointer`);
}

/** The host ended the process: at the library's request, where the library's call is what it was in. */
function gaveUp(crash: Crash, site: Frame): { side: Blame; reason: string } {
  const frames = faultFrames(crash);
  const caller = frames.find(({ side }) => side === "script" || side === "library" || side === "binding");
  if (caller?.side === "library") {
    return { side: "library", reason: `${nameOf(site)} ended the process, in a call that ${nameOf(caller)} made` };
  }
  const below = frames.some(({ side }) => side === "library");
  return {
    side: "host",
    reason: `the host's own code ended the process (${nameOf(site)})${below ? ", in a call from the library" : ", and no native library is on the stack"}`,
  };
}

function outside(crash: Crash, site: Frame, what: string): { side: Blame; reason: string } {
  const below = faultFrames(crash).some(({ side }) => side === "library");
  return {
    side: "boundary",
    reason: `${what}${below ? ", in a call from the library" : ""}: a native pointer was used on the ${site.side} side, and who made or left it invalid is not on this stack`,
  };
}
