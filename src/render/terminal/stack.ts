import type { Frame, Stack } from "../../model/frame.js";
import { escapeText } from "../escape.js";
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
    const run = verbose ? 1 : quietRun(frames, i);
    if (run >= RUN) {
      const last = frames[i + run - 1]?.index ?? frame.index;
      page.raw(
        page.style.dim(`  ${frame.side.padEnd(8)} #${frame.index}-${last}  ${run} frames of ${quietName(frame)}`),
      );
      i += run;
      continue;
    }
    frameLine(page, frame);
    if (frame.boundary) {
      boundaryLine(page, frame);
    }
    i += 1;
  }
  if (stack.truncated !== null) {
    page.text(`the walk ended here: ${stack.truncated}`, { indent: 11, style: page.style.dim });
  }
}

function frameLine(page: Page, frame: Frame): void {
  if (frame.kind === "folded") {
    page.raw(page.style.dim(`  ${"".padEnd(8)}    ... ${frame.foldedCount} more frames like these ...`));
    return;
  }
  const number = `#${frame.index}`.padEnd(4);
  const place = placeOf(frame);
  const room = page.width - 11 - number.length - (place === "" ? 0 : place.length + 2);
  const name = page.cut(nameOf(frame), Math.max(20, room));
  const line = `  ${frame.side.padEnd(8)} ${number}${name}${place === "" ? "" : `  ${place}`}`;
  const styles = { library: page.style.yellow, script: page.style.green, binding: page.style.magenta };
  const style = frame.side === "host" || frame.side === "system" ? page.style.dim : styles[frame.side];
  page.raw(style(page.cut(line, page.width)));
}

function boundaryLine(page: Page, frame: Frame): void {
  page.raw(page.style.bold(`  ${"-".repeat(12)} boundary ${"-".repeat(page.width - 24)}`));
  if (frame.args.length > 0) {
    const args = frame.args.map(({ name, value }) => `${name}=${value}`).join(", ");
    page.text(`crossed with ${args}`, { indent: 16, style: page.style.bold });
  }
}

/** Name of a function without long type parameters; module+offset where nobody knows it. */
export function nameOf(frame: Frame): string {
  if (frame.function !== null) {
    return escapeText(shorten(frame.function));
  }
  const module = frame.module?.split("/").at(-1);
  if (module !== undefined && frame.offset !== null) {
    return escapeText(`${module}+${frame.offset}`);
  }
  return frame.kind === "jit" ? `generated code at ${frame.pc}` : frame.pc;
}

/** "file.rs:12". */
export function placeOf(frame: Frame): string {
  if (frame.file === null) {
    return "";
  }
  const name = frame.file.split("/").at(-1) ?? frame.file;
  return escapeText(`${name}${frame.line === null ? "" : `:${frame.line}`}`);
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
    return `the runtime${frame.module === null ? "" : ` (${escapeText(frame.module.split("/").at(-1) ?? "")})`}`;
  }
  return frame.side === "system" ? "the system" : frame.side === "binding" ? "the binding" : null;
}
