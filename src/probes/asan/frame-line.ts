import { unescapeLegacyRust } from "./legacy-rust-symbol.js";
import { demangleRust } from "./rust-symbol.js";

/** One frame as a sanitizer writes it, before anything is known of the process. */
export interface FrameLine {
  index: number;
  pc: string | null;
  function: string | null;
  file: string | null;
  line: number | null;
  column: number | null;
  /** As the runtime names it: it may be relative, or a link. */
  module: string | null;
  offset: string | null;
  /** The name was one of Rust's. */
  rust: boolean;
}

/**
 * "#0 0x7f58 in bug /src/bug.c:12:41 (/lib/libbug.so+0x263d)", with or without each of its parts, as gcc's, clang's and Rust's runtimes write it by their own
 * format or by the one that ffi-doctor asks for. Null for a line that is no frame.
 */
export function parseFrameLine(text: string): FrameLine | null {
  const match = /^\s*#(\d{1,6})\s+(?:0x([0-9a-f]{1,16})(?:\s+|$))?(?:in\s+)?(.*)$/.exec(text);
  if (match === null) {
    return null;
  }
  const placed = withoutModules(match[3] ?? "");
  const named = withoutLocation(placed.rest);
  const rust = named.function === null ? null : demangleRust(named.function);
  return {
    index: Number(match[1]),
    pc: match[2] === undefined ? null : `0x${match[2].replace(/^0+(?=.)/, "")}`,
    file: named.file,
    line: named.line,
    column: named.column,
    function: rust ?? plain(named.function),
    module: placed.module,
    offset: placed.offset,
    rust: rust !== null || (named.function !== null && unescapeLegacyRust(named.function) !== named.function),
  };
}

/** Takes "(BuildId: ...)", "(module+0x12)" and "(<unknown module>)" off the end, as many as there are. */
function withoutModules(text: string): { rest: string; module: string | null; offset: string | null } {
  let rest = text.trimEnd();
  let module: string | null = null;
  let offset: string | null = null;
  while (rest.endsWith(")")) {
    const at = rest.lastIndexOf("(");
    if (at > 0 && rest[at - 1] !== " ") {
      break;
    }
    const inner = rest.slice(at + 1, -1);
    const placed = /^(.*)\+0x([0-9a-f]{1,16})$/.exec(inner);
    if (placed !== null && placed[1] !== "" && placed[1] !== "<null>") {
      module = placed[1] ?? null;
      offset = `0x${(placed[2] ?? "0").replace(/^0+(?=.)/, "")}`;
    } else if (placed === null && !/^BuildId: [0-9a-f]*$|^<unknown module>$/.test(inner)) {
      break;
    }
    rest = rest.slice(0, at).trimEnd();
  }
  return { rest, module, offset };
}

type Located = Pick<FrameLine, "function" | "file" | "line" | "column">;

/** "operator new(unsigned long) src/new.cc:98:3": the place begins at the first absolute path, or is the last word. */
function withoutLocation(text: string): Located {
  const named = text.replace(/(^| )<null>$/, "");
  const slash = named.indexOf(" /");
  const at = slash >= 0 ? slash : named.lastIndexOf(" ");
  const place = placeOf(named.slice(at + 1));
  if (place === null || (slash < 0 && place.line === null)) {
    return { function: known(named.replace(/\+0x[0-9a-f]{1,16}$/, "")), file: null, line: null, column: null };
  }
  return { function: known(named.slice(0, Math.max(0, at))), ...place };
}

function placeOf(text: string): Pick<FrameLine, "file" | "line" | "column"> | null {
  const match = /^([^:].*?)(?::(\d{1,9}))?(?::(\d{1,9}))?$/.exec(text);
  return match === null ? null : { file: match[1] ?? null, line: positive(match[2]), column: positive(match[3]) };
}

function positive(text: string | undefined): number | null {
  const value = Number(text ?? 0);
  return value > 0 ? value : null;
}

function known(name: string): string | null {
  return name === "" || name === "<null>" || name === "??" ? null : name;
}

/** What intercepts malloc is malloc to the reader. */
function plain(name: string | null): string | null {
  return name === null
    ? null
    : unescapeLegacyRust(name.replace(/^(?:__interceptor_|___interceptor_|__asan_(?=mem)|wrap_)(?=\w)/, ""));
}
