import type { Block } from "../model/block.js";
import type { CheckerError } from "../model/checker-error.js";
import type { Crash } from "../model/crash.js";
import type { Evidence } from "../model/evidence.js";
import type { FindingCode } from "../model/finding-code.js";
import type { Frame, Stack } from "../model/frame.js";
import type { Blame, Confidence } from "../model/primitives.js";

/** What a rule says of a crash. Blame and next steps are worked out from it afterwards unless it knows better. */
export interface Diagnosis {
  code: FindingCode;
  title: string;
  message: string;
  confidence: Confidence;
  /** The facts it rests on, one a line. */
  evidence: string[];
  blame?: { side: Blame; reason: string };
  /** The block that it has to do with, and where that was allocated and freed. */
  block?: Block;
  stacks?: readonly Stack[];
}

/** Looks at one error of a checker and says what it is, or null. Pure; never throws. */
export type CheckedRule = (error: CheckerError) => Diagnosis | null;

export interface RuleContext {
  evidence: Evidence;
}

/** Looks at one crash and says what it is, or null. Pure; never throws. */
export type Rule = (crash: Crash, context: RuleContext) => Diagnosis | null;

/** The stack of the picked event, innermost first. */
export function faultFrames(crash: Crash): readonly Frame[] {
  return crash.threads.find(({ faulting }) => faulting)?.frames ?? [];
}

/** The frame that a person would call the place: the innermost that is neither the system's nor a panic's or abort's own machinery. */
export function siteOf(crash: Crash): Frame | null {
  return siteIn(faultFrames(crash));
}

/** The same of any stack, innermost frame first. */
export function siteIn(frames: readonly Frame[]): Frame | null {
  return (
    frames.find((frame) => frame.side !== "system" && frame.kind !== "folded" && !isMachinery(frame)) ??
    frames[0] ??
    null
  );
}

/** Where it happened, for a title: a function of libc that stumbled over what it was given is named with its caller. */
export function whereOf(crash: Crash): string {
  return whereIn(faultFrames(crash));
}

export function whereIn(frames: readonly Frame[]): string {
  const first = frames[0] ?? null;
  const site = siteIn(frames);
  return first !== site && first?.side === "system" && first.function !== null
    ? `${plainName(first.function)}, called from ${nameOf(site)}`
    : nameOf(site);
}

/** "__memcpy_avx512_unaligned_erms" is memcpy: glibc picks one of many at start-up. */
function plainName(name: string): string {
  return /^_*(?:GI_)?([a-z]+(?:_r|_chk)?)_(?:avx|sse|evex|erms|x86|power|neon|sve)\w*$/.exec(name)?.[1] ?? name;
}

/** Methods that only the standard library can give: those of pointers, slices and numbers, and of any type for a trait of its own. */
const STANDARD_TYPE =
  /^<(\*(mut|const) |\[|str>|str as |[iu](8|16|32|64|128|size)\b|f(32|64)\b|bool\b|char\b|[A-Z] as (core|std|alloc)::)/;

/** Code that runs because something has gone wrong already: Rust's panic machinery, Go's, and what standard libraries inline. */
export function isMachinery(frame: Frame): boolean {
  const name = withoutResult(frame.function ?? "");
  return (
    /^(core|std|__gnu_cxx|alloc|panic_abort|panic_unwind|__rustc|rustc_std_workspace\w*)(::|\[)/.test(name) ||
    /^<+(core|std|alloc)::/.test(name) ||
    STANDARD_TYPE.test(name) ||
    /^(rust_begin_unwind|rust_panic|__rust_|_?__rustc)/.test(name) ||
    /^runtime\.(exit|fatal|systemstack|gopanic|panic|sigpanic|throw|mcall|crash|dieFromSignal|sighandler|sigtramp|goPanic)/.test(
      name,
    ) ||
    /^internal\/runtime\/maps\.fatal/.test(name)
  );
}

/**
 * A template of C++ is named with the type that it gives in front: "bool std::operator==<char>(...)" is the standard library's, and
 * "std::vector<int> parse<int>(...)" is not.
 */
function withoutResult(name: string): string {
  if (!name.includes("<") || name.startsWith("<")) {
    return name;
  }
  let plain = name.slice(0, LONGEST);
  for (let before = ""; before !== plain; ) {
    before = plain;
    plain = plain.replace(/<[^<>]*>|\([^()]*\)/g, "");
  }
  const own = /^[\w:]+[ *&]+(?!const$|operator)([\w:~]+.*)$/.exec(plain)?.[1];
  return own === undefined || /\boperator$/.test(plain.slice(0, plain.length - own.length).trim()) ? name : own;
}

/** Of a name, which may be as long as a recording likes. */
const LONGEST = 4096;

/** The call that crossed the boundary, when the stack shows one. */
export function boundaryFrame(crash: Crash): Frame | null {
  return boundaryIn(faultFrames(crash));
}

export function boundaryIn(frames: readonly Frame[]): Frame | null {
  return frames.find(({ boundary }) => boundary) ?? null;
}

/** "ffi_doctor_store::store::Store::get (src/store.rs:62)", without the parameters that make C++ and Rust names long. */
export function nameOf(frame: Frame | null): string {
  if (frame === null) {
    return "an unknown place";
  }
  if (/^runtime\.asmcgocall(\.abi0)?$/.test(frame.function ?? "")) {
    return "C code that Go called";
  }
  const file =
    frame.file === null ? "" : ` (${frame.file.split("/").at(-1)}${frame.line === null ? "" : `:${frame.line}`})`;
  return `${shortName(frame)}${file}`;
}

/** A function's name alone; module+offset where nobody knows it. */
export function shortName(frame: Frame): string {
  if (frame.function !== null) {
    return frame.function
      .replace(/::h[0-9a-f]{16}$/, "")
      .replace(/^_cgo_[0-9a-f]+_C2?func_(?:_C(?=malloc$))?/, "C.")
      .replace(/<[^<>]{24,}>/g, "<...>");
  }
  const module = frame.module?.split("/").at(-1);
  if (module === undefined) {
    return frame.pc;
  }
  return frame.offset === null ? module : `${module}+${frame.offset}`;
}

/** True for the kinds of signal that the kernel raises at an instruction. */
export function isFault(crash: Crash, ...names: string[]): boolean {
  return names.includes(crash.signal.name) && !crash.signal.forged;
}
