import type { Frame } from "../../model/frame.js";
import { languageOf } from "../gdb/decode-frames.js";
import { originalOf } from "./names.js";
import type { RawFrame } from "./records.js";

/** What valgrind calls a function that was inlined and whose name it cannot find ("cross-CU LIMITATION" in its log). */
const UNNAMED = "UnknownInlinedFun";
const HASH = /::h[0-9a-f]{16}$/;
const CLOSURE = "{closure";
/** Rust's own libraries, as they lie on the machine that built the compiler. */
const RUST_STD = /^(?:\/rustc\/[^/]+\/)?library\/(core|alloc|std|panic_unwind|panic_abort)\/src\/(.+)\.rs$/;

/** Frames as the report has them. Sides and boundary are set later, by `evidence`, which knows the libraries. */
export function decodeFrames(raw: readonly RawFrame[]): Frame[] {
  const files = raw.map(fileOf);
  const inlined = raw.map((frame, index) => isInlined(frame, raw[index + 1]));
  return raw.map((frame, index): Frame => {
    const file = files[index] ?? null;
    const name = nameOf(frame.fn, file, inlined[index] === true, () => ownerOf(raw, files, index));
    return {
      index,
      pc: frame.ip,
      function: name,
      module: frame.obj === null ? null : originalOf(frame.obj),
      offset: null,
      file,
      line: frame.line !== null && frame.line > 0 ? frame.line : null,
      column: null,
      side: "system",
      language: languageOf(file, name),
      boundary: false,
      kind: inlined[index] === true ? "inlined" : "normal",
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

/** The function that a closure was written in: the next one outward in its file. Rust's own frames may lie between. */
function ownerOf(raw: readonly RawFrame[], files: readonly (string | null)[], index: number): string | null {
  const at = raw.findIndex(
    ({ fn }, i) => i > index && fn !== null && !fn.startsWith(CLOSURE) && files[i] === files[index],
  );
  return at < 0 ? null : (raw[at]?.fn?.replace(HASH, "") ?? null);
}

/**
 * An inlined function has no more than its bare name here; what belongs to Rust's own libraries is given the path that its file tells, so
 * that it is known as such. A hash at the end of a Rust name changes with each compiler.
 */
function nameOf(name: string | null, file: string | null, inlined: boolean, owner: () => string | null): string | null {
  const plain = name === UNNAMED ? "(inlined)" : (name?.replace(HASH, "") ?? null);
  if (inlined && plain?.startsWith(CLOSURE) === true) {
    return [owner(), plain].filter((part) => part !== null).join("::");
  }
  const own = RUST_STD.exec(file ?? "");
  if (plain === null || own === null || !inlined) {
    return plain;
  }
  const path = (own[2] ?? "").split("/").filter((part) => part !== "mod" && part !== "lib");
  return [own[1], ...path, plain].join("::");
}
