import type { Frame } from "../../model/frame.js";
import { linesOf } from "./lines.js";

/** A frame of the host's own language, as its runtime told it at death. */
export type HostFrame = Pick<Frame, "pc" | "function" | "file" | "line" | "column" | "language" | "kind"> & {
  /** Of the program itself: Go's functions are native code in it. */
  native: boolean;
};

/** What is read of a runtime's words, and what is kept of it. */
const MOST_LINES = 20_000;
const MOST_FRAMES = 512;

const readers: Record<string, (lines: readonly string[]) => HostFrame[]> = {
  node: readNode,
  python: readPython,
  go: readGo,
  java: readJava,
};

/** Innermost first; empty for a runtime that ffi-doctor does not know, and for words that are none of its. */
export function readHostFrames(runtime: string, pieces: Iterable<string>): HostFrame[] {
  const read = readers[runtime];
  if (read === undefined) {
    return [];
  }
  const lines: string[] = [];
  for (const { text } of linesOf(pieces)) {
    if (lines.push(text) > MOST_LINES) {
      break;
    }
  }
  return read(lines).slice(0, MOST_FRAMES);
}

function frame(more: Partial<HostFrame>): HostFrame {
  return {
    pc: "0x0",
    function: null,
    file: null,
    line: null,
    column: null,
    language: null,
    kind: "jit",
    native: false,
    ...more,
  };
}

/** "1: crash (file:///app/h.mjs:6:27)"; a function without a name has its place alone. */
function readNode(lines: readonly string[]): HostFrame[] {
  return lines.flatMap((text) => {
    const match = /^\s*\d+: (.*)$/.exec(text);
    const place = /^(?:(.*) \()?([^()]*):(\d{1,9}):(\d{1,9})\)?$/.exec(match?.[1] ?? "");
    return place === null
      ? []
      : [
          frame({
            function: place[1] ?? "(anonymous)",
            file: (place[2] ?? "").replace(/^file:\/\//, ""),
            line: Number(place[3]),
            column: Number(place[4]),
            language: "javascript",
          }),
        ];
  });
}

/** faulthandler's form: `File "main.py", line 63 in run`. */
function readPython(lines: readonly string[]): HostFrame[] {
  return lines.flatMap((text) => {
    const match = /^ {2}File "(.*)", line (\d{1,9}) in (.*)$/.exec(text);
    return match === null
      ? []
      : [
          frame({
            function: match[3] ?? null,
            file: match[1] ?? null,
            line: Number(match[2]),
            language: "python",
            kind: "interpreted",
          }),
        ];
  });
}

/** The first goroutine but the scheduler's own: Go tells the one that was running first. */
function readGo(lines: readonly string[]): HostFrame[] {
  const start = lines.findIndex((text) => /^goroutine [1-9]\d* /.test(text));
  const out: HostFrame[] = [];
  for (let i = start + 1; start >= 0 && i + 1 < lines.length; i += 2) {
    const name = /^([^\s(].*)\(.*\)$/.exec(lines[i] ?? "");
    const place = /^\t(.+?):(\d{1,9})(?: |$)/.exec(lines[i + 1] ?? "");
    if (name === null || place === null) {
      break;
    }
    const pc = / pc=0x([0-9a-f]{1,16})$/.exec(lines[i + 1] ?? "");
    const line = Number(place[2]);
    out.push(
      frame({
        pc: pc === null ? "0x0" : `0x${(pc[1] ?? "0").replace(/^0+(?=.)/, "")}`,
        function: name[1] ?? null,
        file: place[1] ?? null,
        line: line > 0 ? line : null,
        language: "go",
        kind: "normal",
        native: true,
      }),
    );
  }
  return out;
}

/** "j  inventory.Store.get([BLinventory/Block;)I+0", and compiled ones with their number and tier in front. */
function readJava(lines: readonly string[]): HostFrame[] {
  const start = lines.findIndex((text) => text.startsWith("Java frames:"));
  const out: HostFrame[] = [];
  for (const text of start < 0 ? [] : lines.slice(start + 1)) {
    if (!/^[jJvA] /.test(text)) {
      break;
    }
    const match = /^[jJ]\s+(?:\d+ )?(?:% )?(?:c\d )?([\w$./<>+]+)\(/.exec(text);
    if (match !== null) {
      out.push(frame({ function: match[1] ?? null, language: "java" }));
    }
  }
  return out;
}
