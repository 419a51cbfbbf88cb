import { basename } from "node:path";
import type { Frame } from "../model/frame.js";
import { boundaryIn, isMachinery, siteIn } from "./diagnosis.js";

/** Frames that make a mistake the same mistake, where no library's own stretch tells it. */
const FRAMES = 5;

/**
 * The functions that a mistake is known by, innermost first. Where a library's code is the place, its own stretch up to the call that
 * crossed, whichever host called it; else the innermost functions that are anybody's own.
 */
export function knownBy(frames: readonly Frame[]): string[] {
  const own = frames.filter((frame) => frame.side !== "system" && frame.kind !== "folded" && !isMachinery(frame));
  const boundary = boundaryIn(frames);
  const stretch =
    own[0]?.side === "library" && boundary !== null ? own.slice(0, own.indexOf(boundary) + 1) : own.slice(0, FRAMES);
  const names = stretch.map(frameName).filter((name, i, all) => name !== all[i - 1]);
  return names.length <= FRAMES ? names : [...names.slice(0, FRAMES - 1), names.at(-1) ?? ""];
}

/** One place, whichever instrument saw it: the innermost function of somebody's own, and the call that crossed. */
export function placeKey(frames: readonly Frame[]): string {
  const site = siteIn(frames);
  const boundary = boundaryIn(frames);
  return `${site === null ? "?" : frameName(site)}<${boundary === null ? "" : frameName(boundary)}`;
}

function frameName(frame: Frame): string {
  const module = frame.module === null ? "" : plainModule(frame.module);
  const name =
    frame.function === null
      ? "?"
      : plainFunction(frame.side === "library" ? insideGlue(frame.function) : withoutHash(frame.function));
  return `${frame.side === "script" ? "" : module}!${name}`;
}

const CGO_CALL = /^_cgo_[0-9a-f]+_C2?func_/;

/** The C function of a cgo preamble that the compiler put into its glue; other tools tell it by its own name. */
function insideGlue(name: string): string {
  return name.replace(CGO_CALL, "");
}

/** cgo's hash is of the text of the package, and changes with each line of it. */
function withoutHash(name: string): string {
  return name.replace(CGO_CALL, "_Cfunc_");
}

/** libfoo-1.2.so.3 and libfoo-1.3.so.4 are the same library. */
export function plainModule(path: string): string {
  return basename(path)
    .replace(/(\.so)[.\d]*$/, "$1")
    .replace(/-\d+(\.\d+)*(\.so)$/, "$2");
}

/** Without type parameters, hashes and closure numbers, which change with the compiler. */
function plainFunction(name: string): string {
  return name
    .replace(/::h[0-9a-f]{16}$/, "")
    .replace(/\.abi0$/, "")
    .replace(/\[[0-9a-f]+\]/g, "")
    .replace(/<[^<>]*>/g, "")
    .replace(/#\d+/g, "")
    .replace(/\(.*\)$/, "");
}
