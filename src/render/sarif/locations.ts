import type { Frame, Stack } from "../../model/frame.js";
import { escapeText } from "../escape.js";

/** Of a function's name, in characters. */
const LONGEST_NAME = 300;

/** A place, as SARIF 2.1.0 has it (section 3.28). */
export interface Location {
  physicalLocation?: {
    artifactLocation: { uri: string; uriBaseId?: "%SRCROOT%" };
    region?: { startLine: number; startColumn?: number };
  };
  logicalLocations?: { fullyQualifiedName: string; kind: "function" | "module" }[];
  message?: { text: string };
}

/**
 * Where a frame is: file and line where debug information told them, else its module. Files below `sourceRoot` are given relative to
 * it, as a viewer looks for them in the repository.
 */
export function locationOf(frame: Frame, sourceRoot: string, message?: string): Location {
  const file = frame.file ?? frame.module;
  const physical =
    file === null || /^[[<]/.test(file)
      ? {}
      : { physicalLocation: { artifactLocation: artifact(file, sourceRoot), ...regionOf(frame) } };
  return {
    ...physical,
    logicalLocations: [{ fullyQualifiedName: nameOf(frame), kind: "function" }],
    ...(message === undefined ? {} : { message: { text: escapeText(message) } }),
  };
}

function regionOf(frame: Frame): { region?: { startLine: number; startColumn?: number } } {
  if (frame.file === null || frame.line === null || frame.line < 1) {
    return {};
  }
  const column = frame.column === null || frame.column < 1 ? {} : { startColumn: frame.column };
  return { region: { startLine: frame.line, ...column } };
}

/** "%SRCROOT%" is the name that viewers know for the root of the checkout (SARIF 2.1.0, section 3.14.14). */
function artifact(file: string, sourceRoot: string): { uri: string; uriBaseId?: "%SRCROOT%" } {
  const root = sourceRoot.endsWith("/") ? sourceRoot : `${sourceRoot}/`;
  if (file.startsWith(root)) {
    return { uri: encoded(file.slice(root.length)), uriBaseId: "%SRCROOT%" };
  }
  return file.startsWith("/") ? { uri: `file://${encoded(file)}` } : { uri: encoded(file), uriBaseId: "%SRCROOT%" };
}

/** A surrogate without its other half, which has no encoding. */
const LONE_SURROGATE = /\p{Cs}/gu;

/** Each part of a path percent-encoded (RFC 3986), without those that stay where they are. */
function encoded(path: string): string {
  const parts = path.replace(LONE_SURROGATE, "\ufffd").split("/");
  return parts
    .filter((part) => part !== ".")
    .map(encodeURIComponent)
    .join("/");
}

/** A function's name; module and offset where nobody knows it. */
export function nameOf(frame: Frame): string {
  const unknown = frame.module === null ? frame.pc : `${frame.module.split("/").at(-1)}+${frame.offset ?? "?"}`;
  return escapeText(frame.function ?? unknown, LONGEST_NAME);
}

/** Code that nobody of the two sides wrote: a language's standard library, and what cgo makes for each build. */
const FOREIGN = /^\/rustc\/[\da-f]{40}\/|^(?:\.\/)*_cgo_|\/cgo-gcc-prolog$|^node:|^[[<]/;

/**
 * The frame to show a finding at: from the inside out one of the library's or the user's own code, in the repository if there is one,
 * else the first that has a file; glue and a standard library's code only where there is nothing else.
 */
export function bestFrame(stacks: readonly Stack[], sourceRoot: string): Frame | null {
  const root = sourceRoot.endsWith("/") ? sourceRoot : `${sourceRoot}/`;
  const all = stacks.flatMap(({ frames }) => frames).filter(({ kind }) => kind !== "folded");
  const sided = all.filter(({ side }) => side === "library" || side === "script");
  const own = sided.filter(({ file }) => file === null || !FOREIGN.test(file));
  const placed = own.filter(({ file, line }) => file !== null && line !== null);
  const inside = placed.find(({ file }) => file !== null && (file.startsWith(root) || !file.startsWith("/")));
  const glue = all.find(({ side }) => side === "binding");
  return inside ?? placed[0] ?? own[0] ?? sided[0] ?? glue ?? all[0] ?? null;
}

/** A whole stack (section 3.44). */
export function stackOf(stack: Stack, sourceRoot: string): unknown {
  return {
    message: { text: `${stack.role} of thread ${escapeText(stack.thread)}` },
    frames: stack.frames
      .filter(({ kind }) => kind !== "folded")
      .map((frame) => ({
        location: locationOf(frame, sourceRoot),
        ...(frame.module === null ? {} : { module: escapeText(frame.module) }),
        threadId: Number.parseInt(stack.thread, 10) || 0,
        properties: { side: frame.side },
      })),
  };
}
