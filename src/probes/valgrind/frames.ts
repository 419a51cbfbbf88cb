import type { Frame } from "../../model/frame.js";
import { languageOf } from "../gdb/decode-frames.js";
import type { RawFrame } from "./records.js";

/** What valgrind calls a function that was inlined and whose name it cannot find ("cross-CU LIMITATION" in its log). */
const UNNAMED = "UnknownInlinedFun";
/** Rust's own libraries, as they lie on the machine that built the compiler. */
const RUST_STD = /^(?:\/rustc\/[^/]+\/)?library\/(core|alloc|std|panic_unwind|panic_abort)\/src\/(.+)\.rs$/;

/** Frames as the report has them. Sides and boundary are set later, by `evidence`, which knows the libraries. */
export function decodeFrames(raw: readonly RawFrame[]): Frame[] {
  return raw.map((frame, index): Frame => {
    const file = fileOf(frame);
    const inlined = isInlined(frame, raw[index + 1]);
    const name = nameOf(frame.fn, file, inlined);
    return {
      index,
      pc: frame.ip,
      function: name,
      module: frame.obj,
      offset: null,
      file,
      line: frame.line !== null && frame.line > 0 ? frame.line : null,
      column: null,
      side: "system",
      language: languageOf(file, name),
      boundary: false,
      kind: inlined ? "inlined" : "normal",
      foldedCount: 0,
      args: [],
    };
  });
}

/** Of the frames at one address all but the last were inlined there; a recursion has one address, too, but also one function. */
function isInlined(frame: RawFrame, next: RawFrame | undefined): boolean {
  return next !== undefined && next.ip === frame.ip && (next.fn !== frame.fn || next.line !== frame.line);
}

function fileOf({ dir, file }: RawFrame): string | null {
  return file === null || dir === null || file.startsWith("/") ? file : `${dir}/${file}`;
}

/**
 * An inlined function has no more than its bare name here; what belongs to Rust's own libraries is given the path that its file tells, so
 * that it is known as such. A hash at the end of a Rust name changes with each compiler.
 */
function nameOf(name: string | null, file: string | null, inlined: boolean): string | null {
  const plain = name === UNNAMED ? "(inlined)" : (name?.replace(/::h[0-9a-f]{16}$/, "") ?? null);
  const own = RUST_STD.exec(file ?? "");
  if (plain === null || own === null || !inlined) {
    return plain;
  }
  const path = (own[2] ?? "").split("/").filter((part) => part !== "mod" && part !== "lib");
  return [own[1], ...path, plain].join("::");
}
