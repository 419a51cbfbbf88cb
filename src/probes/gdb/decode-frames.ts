import type { Frame } from "../../model/frame.js";
import type { RawFrame } from "./records.js";

/** Deep stacks keep this many frames at each end (design, section 6). */
const KEEP = 64;

const LANGUAGES: readonly (readonly [RegExp, string])[] = [
  [/\.rs$/, "rust"],
  [/\.go$/, "go"],
  [/\.(cc|cpp|cxx|C|hpp|hh|hxx|tcc)$/, "c++"],
  [/\.[ch]$/, "c"],
  [/\.[sS]$/, "assembly"],
];

/** Frames as the report has them. Sides and boundary are set later, by `evidence`, which knows the libraries. */
export function decodeFrames(raw: readonly RawFrame[]): Frame[] {
  const end = raw.findLastIndex(({ pc }) => !/^0x0*$/.test(pc));
  // A return address of 0 marks the end of a stack; a jump to 0 is the innermost frame, and stays.
  return fold(raw.slice(0, Math.max(1, end + 1)).map(decodeFrame));
}

function decodeFrame(raw: RawFrame, index: number): Frame {
  const named = raw.jit === undefined ? null : generatedName(raw.jit);
  const file = named?.file ?? raw.file ?? null;
  const name = named?.function ?? raw.fn ?? null;
  return {
    index,
    pc: raw.pc,
    function: name,
    module: !raw.mod ? null : raw.mod.replace(/ \(deleted\)$/, ""),
    offset: raw.off ?? null,
    file,
    line: named?.line ?? (raw.line && raw.line > 0 ? raw.line : null),
    column: named?.column ?? null,
    side: "system",
    language: raw.lang ?? named?.language ?? languageOf(file, name),
    boundary: false,
    kind: kindOf(raw, named !== null),
    foldedCount: raw.kind === "folded" ? (raw.count ?? 0) : 0,
    args: (raw.args ?? []).map(([argument, value]) => ({ name: argument, value })),
  };
}

function kindOf(raw: RawFrame, generated: boolean): Frame["kind"] {
  if (raw.kind === "signal" || raw.kind === "inlined" || raw.kind === "folded" || raw.kind === "interpreted") {
    return raw.kind;
  }
  return generated || raw.kind === "jit" ? "jit" : "normal";
}

/** By the file, else by the way a name is written. */
export function languageOf(file: string | null, name: string | null): string | null {
  const byFile = file === null ? undefined : LANGUAGES.find(([pattern]) => pattern.test(file))?.[1];
  if (byFile !== undefined) {
    return byFile;
  }
  return name !== null && /::/.test(name) ? (/::h[0-9a-f]{16}$|^<|\{closure|\{impl/.test(name) ? "rust" : "c++") : null;
}

interface GeneratedName {
  function: string;
  file: string | null;
  line: number | null;
  column: number | null;
  language: string | null;
}

/** A line of V8's perf map: "JS:~readBlock file:///app/db.mjs:12:20", "wasm-function[3]", "Builtin:ArrayMap". */
function generatedName(text: string): GeneratedName {
  const match = /^(?:JS|LazyCompile|Function|Script|Eval|Module):([*^~+]?)(\S*) (.+):(\d+):(\d+)$/.exec(text);
  if (match !== null) {
    return {
      function: match[2] === "" || match[2] === undefined ? "(anonymous)" : match[2],
      file: (match[3] ?? "").replace(/^file:\/\//, ""),
      line: Number(match[4]),
      column: Number(match[5]),
      language: "javascript",
    };
  }
  const plain = { file: null, line: null, column: null };
  if (/^(JS:.*)?wasm/i.test(text)) {
    return { function: text.replace(/^JS:[*~^+]?/, ""), ...plain, language: "webassembly" };
  }
  return { function: text, ...plain, language: null };
}

/** Keeps both ends; frames folded by gdb's side already count with their number. */
function fold(frames: readonly Frame[]): Frame[] {
  if (frames.length <= 2 * KEEP + 1) {
    return reindex(frames);
  }
  const middle = frames.slice(KEEP, -KEEP);
  const first = middle[0];
  if (first === undefined) {
    return reindex(frames);
  }
  const count = middle.reduce((sum, frame) => sum + (frame.kind === "folded" ? frame.foldedCount : 1), 0);
  return reindex([...frames.slice(0, KEEP), folded(first.pc, count), ...frames.slice(-KEEP)]);
}

function folded(pc: string, count: number): Frame {
  const none = { function: null, module: null, offset: null, file: null, line: null, column: null, language: null };
  return { index: 0, pc, ...none, side: "system", boundary: false, kind: "folded", foldedCount: count, args: [] };
}

function reindex(frames: readonly Frame[]): Frame[] {
  let next = 0;
  return frames.map((frame) => {
    const index = next;
    next += frame.kind === "folded" ? frame.foldedCount : 1;
    return { ...frame, index };
  });
}
