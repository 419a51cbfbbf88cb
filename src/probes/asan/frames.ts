import type { Frame } from "../../model/frame.js";
import type { FrameLine } from "./frame-line.js";
import type { HostFrame } from "./host-frames.js";
import { loadedAt, type ProcessRecord } from "./process-record.js";

/** Deep stacks keep this many frames at each end (design, section 6). */
const KEEP = 64;

const LANGUAGES: readonly (readonly [RegExp, string])[] = [
  [/\.rs$/, "rust"],
  [/\.go$/, "go"],
  [/\.(cc|cpp|cxx|C|hpp|hh|hxx|tcc)$/, "c++"],
  [/\.(c|h|inc)$/, "c"],
  [/\.[sS]$/, "assembly"],
];

/** CPython's evaluator: its own frames stand where it does. */
const EVALUATOR = /^_PyEval_EvalFrame/;

/**
 * Frames as the report has them, `left` of them not kept by the reader; the host's own behind what runs them. Sides and boundary are
 * set later, by `evidence`.
 */
export function framesOf(
  lines: readonly FrameLine[],
  left: number,
  hosts: readonly HostFrame[],
  process: ProcessRecord | null,
): Frame[] {
  const native = lines.map((line) => nativeFrame(line, process));
  return fold(withHostFrames(native, hosts, process?.executable ?? null), left);
}

/** The host's own frames behind the native ones, or where CPython's evaluator runs them. */
export function withHostFrames(
  native: readonly Frame[],
  hosts: readonly HostFrame[],
  executable: string | null,
): Frame[] {
  const at = hosts[0]?.kind === "interpreted" ? native.findIndex((frame) => EVALUATOR.test(frame.function ?? "")) : -1;
  const place = at < 0 ? native.length : at;
  const pc = native[place]?.pc ?? "0x0";
  const own = hosts.map((host) => hostFrame(host, pc, executable));
  return [...native.slice(0, place), ...own, ...native.slice(place)];
}

function nativeFrame(line: FrameLine, process: ProcessRecord | null): Frame {
  const pc = line.pc ?? "0x0";
  const loaded = line.pc === null ? null : loadedAt(process, line.pc);
  const module = loaded?.path ?? byName(line.module, process) ?? line.module;
  // Code in no file: what the runtime generated.
  const generated = module === null && line.pc !== null && (process?.runtime === "java" || process?.runtime === "node");
  return {
    index: line.index,
    pc,
    function: line.function,
    module,
    offset: line.offset,
    file: line.file,
    line: line.line,
    column: line.column,
    side: "system",
    language: line.rust ? "rust" : languageOf(line.file),
    boundary: false,
    kind: generated ? "jit" : "normal",
    foldedCount: 0,
    args: [],
  };
}

/** ThreadSanitizer's own format has the file's name alone. */
function byName(module: string | null, process: ProcessRecord | null): string | null {
  return module === null
    ? null
    : (process?.loaded.find(({ path }) => path === module || path.endsWith(`/${module}`))?.path ?? null);
}

function hostFrame({ native, ...host }: HostFrame, pc: string, executable: string | null): Frame {
  return {
    ...host,
    index: 0,
    pc: host.pc === "0x0" ? pc : host.pc,
    module: native ? executable : null,
    offset: null,
    side: "host",
    boundary: false,
    foldedCount: 0,
    args: [],
  };
}

function languageOf(file: string | null): string | null {
  return file === null ? null : (LANGUAGES.find(([pattern]) => pattern.test(file))?.[1] ?? null);
}

/** Numbers frames anew, and keeps both ends of very many. */
export function fold(frames: readonly Frame[], left: number): Frame[] {
  const middle = frames.slice(KEEP, -KEEP);
  const first = middle[0];
  const kept =
    frames.length <= 2 * KEEP + 1 || first === undefined
      ? [...frames]
      : [...frames.slice(0, KEEP), folded(first.pc, middle.length), ...frames.slice(-KEEP)];
  if (left > 0) {
    kept.push(folded("0x0", left));
  }
  let next = 0;
  return kept.map((frame) => {
    const index = next;
    next += frame.kind === "folded" ? frame.foldedCount : 1;
    return { ...frame, index };
  });
}

function folded(pc: string, count: number): Frame {
  const none = { function: null, module: null, offset: null, file: null, line: null, column: null, language: null };
  return { index: 0, pc, ...none, side: "system", boundary: false, kind: "folded", foldedCount: count, args: [] };
}
