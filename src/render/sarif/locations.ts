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

/** Each part of a path percent-encoded (RFC 3986). */
function encoded(path: string): string {
  return path.replace(LONE_SURROGATE, "\ufffd").split("/").map(encodeURIComponent).join("/");
}

/** A function's name; module and offset where nobody knows it. */
export function nameOf(frame: Frame): string {
  const unknown = frame.module === null ? frame.pc : `${frame.module.split("/").at(-1)}+${frame.offset ?? "?"}`;
  return escapeText(frame.function ?? unknown, LONGEST_NAME);
}

/** The frame to show a finding at: one in the repository if there is one, from the inside out, else the first that has a file. */
export function bestFrame(stacks: readonly Stack[], sourceRoot: string): Frame | null {
  const root = sourceRoot.endsWith("/") ? sourceRoot : `${sourceRoot}/`;
  const own = stacks
    .flatMap(({ frames }) => frames)
    .filter(({ side, kind }) => (side === "library" || side === "script" || side === "binding") && kind !== "folded");
  const placed = own.filter(({ file, line }) => file !== null && line !== null && !/^[[<]/.test(file));
  const inside = placed.find(({ file }) => file !== null && (file.startsWith(root) || !file.startsWith("/")));
  return inside ?? placed[0] ?? own[0] ?? stacks[0]?.frames[0] ?? null;
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
