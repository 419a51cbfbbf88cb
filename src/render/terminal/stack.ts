import type { Frame, Stack } from "../../model/frame.js";
import type { Page } from "./page.js";

/** Runs of frames that say nothing about the user's code are told in one line, from this many on. */
const RUN = 3;

/** A stack, innermost first, one line a frame: whose it is, what it is, where it is. */
export function stackLines(page: Page, stack: Stack, verbose: boolean): void {
  const frames = stack.frames;
  for (let i = 0; i < frames.length; ) {
    const frame = frames[i];
    if (frame === undefined) {
      return;
    }
    const same = verbose ? 1 : repeats(frames, i);
    if (same >= RUN) {
      frameLine(page, frame, `#${frame.index}-${frames[i + same - 1]?.index ?? ""}`);
      page.text(`${same} times`, { indent: 11 + 5, style: page.style.dim });
      i += same;
      continue;
    }
    const run = verbose ? 1 : quietRun(frames, i);
    if (run >= RUN) {
      const last = frames[i + run - 1]?.index ?? frame.index;
      page.row(
        `  ${frame.side.padEnd(8)} #${frame.index}-${last}  ${run} frames of ${quietName(frame)}`,
        page.style.dim,
      );
      i += run;
      continue;
    }
    const out = frame.boundary && callsBack(frames, i);
    if (out) {
      boundaryLine(page, []);
    }
    frameLine(page, frame);
    if (frame.boundary && !out) {
      boundaryLine(page, frame.args);
    }
    i += 1;
  }
  if (stack.truncated !== null) {
    page.text(`the walk ended here: ${stack.truncated}`, { indent: 11, style: page.style.dim });
  }
}

/** How many frames from here on are the same line of the same function: a recursion. */
function repeats(frames: readonly Frame[], start: number): number {
  const first = frames[start];
  let end = start;
  while (
    end < frames.length &&
    first?.function !== null &&
    frames[end]?.kind === first?.kind &&
    frames[end]?.function === first?.function &&
    frames[end]?.line === first?.line &&
    !frames[end]?.boundary
  ) {
    end += 1;
  }
  return end - start;
}

function frameLine(page: Page, frame: Frame, label = `#${frame.index}`): void {
  if (frame.kind === "folded") {
    page.row(`  ${"".padEnd(8)}    ... ${frame.foldedCount} more frames like these ...`, page.style.dim);
    return;
  }
  const number = `${label} `.padEnd(5);
  const place = placeOf(frame);
  const room = page.width - 11 - number.length - (place === "" ? 0 : place.length + 2);
  const name = page.cut(nameOf(frame), Math.max(20, room));
  const line = `  ${frame.side.padEnd(8)} ${number}${name}${place === "" ? "" : `  ${place}`}`;
  const styles = { library: page.style.yellow, script: page.style.green, binding: page.style.magenta };
  const style = frame.side === "host" || frame.side === "system" ? page.style.dim : styles[frame.side];
  page.row(line, style);
}

/** True when the library called out here: what follows outward is the library's still. */
export function callsBack(frames: readonly Frame[], boundary: number): boolean {
  const caller = frames.slice(boundary + 1).find(({ side, kind }) => side !== "system" && kind !== "folded");
  return caller === undefined || caller.side === "library";
}

function boundaryLine(page: Page, args: Frame["args"]): void {
  page.raw(page.style.bold(`  ${"-".repeat(12)} boundary ${"-".repeat(page.width - 24)}`));
  if (args.length > 0) {
    const text = args.map(({ name, value }) => `${name}=${value}`).join(", ");
    page.text(`crossed with ${text}`, { indent: 16, style: page.style.bold });
  }
}

/** Name of a function without long type parameters; module+offset where nobody knows it. Not escaped: the page does that. */
export function nameOf(frame: Frame): string {
  if (frame.function !== null) {
    return shorten(frame.function);
  }
  const module = frame.module?.split("/").at(-1);
  if (module !== undefined && frame.offset !== null) {
    return `${module}+${frame.offset}`;
  }
  return frame.kind === "jit" ? `generated code at ${frame.pc}` : frame.pc;
}

/** "file.rs:12". Not escaped, either. */
export function placeOf(frame: Frame): string {
  if (frame.file === null) {
    return "";
  }
  const name = frame.file.split("/").at(-1) ?? frame.file;
  return `${name}${frame.line === null ? "" : `:${frame.line}`}`;
}

function shorten(name: string): string {
  const plain = name.replace(/::h[0-9a-f]{16}$/, "");
  return plain.length <= 60
    ? plain
    : plain.replace(/<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>/g, "<...>").replace(/\((?!anonymous).{16,}\)$/, "(...)");
}

/** How many frames from here on belong together and to nobody's own code. */
function quietRun(frames: readonly Frame[], start: number): number {
  const first = frames[start];
  const kind = first === undefined ? null : quietName(first);
  if (kind === null) {
    return 1;
  }
  let end = start;
  while (
    end < frames.length &&
    !frames[end]?.boundary &&
    quietName(frames[end] as Frame) === kind &&
    frames[end]?.side === first?.side
  ) {
    end += 1;
  }
  return end - start;
}

function quietName(frame: Frame): string | null {
  if (frame.kind === "folded" || frame.boundary) {
    return null;
  }
  const name = frame.function ?? "";
  if (frame.side === "library" && (/^<?(core|std|alloc|__rustc)::/.test(name) || /^rust_(panic|begin)/.test(name))) {
    return "Rust's standard library";
  }
  if (frame.side === "host") {
    return `the runtime${frame.module === null ? "" : ` (${frame.module.split("/").at(-1) ?? ""})`}`;
  }
  return frame.side === "system" ? "the system" : frame.side === "binding" ? "the binding" : null;
}
