import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { Crash, LoadFailure } from "../model/crash.js";
import type { FindingCode } from "../model/finding-code.js";
import type { Frame } from "../model/frame.js";
import { faultFrames } from "./diagnosis.js";

/** Frames that make a crash the same crash. */
const FRAMES = 5;

/** The same for the same mistake on another day, machine or line: code and innermost functions, no address, no pid, no line. */
export function crashFingerprint(code: FindingCode, crash: Crash): string {
  const frames = faultFrames(crash).filter(({ side, kind }) => side !== "system" && kind !== "folded");
  const names = frames.map(frameName).filter((name, i, all) => name !== all[i - 1]);
  return hash([code, crash.signal.name, ...names.slice(0, FRAMES)]);
}

export function loadFingerprint(code: FindingCode, failure: LoadFailure): string {
  return hash([code, failure.library === null ? "" : plainModule(failure.library), failure.symbol ?? ""]);
}

function frameName(frame: Frame): string {
  const module = frame.module === null ? "" : plainModule(frame.module);
  const name = frame.function === null ? "?" : plainFunction(frame.function);
  return `${frame.side === "script" ? "" : module}!${name}`;
}

/** libfoo-1.2.so.3 and libfoo-1.3.so.4 are the same library. */
function plainModule(path: string): string {
  return basename(path)
    .replace(/(\.so)[.\d]*$/, "$1")
    .replace(/-\d+(\.\d+)*(\.so)$/, "$2");
}

/** Without type parameters, hashes and closure numbers, which change with the compiler. */
function plainFunction(name: string): string {
  return name
    .replace(/::h[0-9a-f]{16}$/, "")
    .replace(/\[[0-9a-f]+\]/g, "")
    .replace(/<[^<>]*>/g, "")
    .replace(/#\d+/g, "")
    .replace(/\(.*\)$/, "");
}

function hash(parts: readonly string[]): string {
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 16);
}
