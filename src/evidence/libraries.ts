import { basename } from "node:path";
import picomatch from "picomatch";
import type { FileFacts } from "../model/evidence.js";
import { moduleSide } from "./sides.js";

/** `--lib exe`: the executable's own native code. */
export const EXE = "exe";

export interface Question {
  /** Paths of the native libraries in question. */
  paths: ReadonlySet<string>;
  exe: boolean;
  /** What `--lib` named and no process loaded. */
  unmatched: readonly string[];
  /** True when `--lib` was given. */
  explicit: boolean;
}

/** Which files of a run are in question: what `--lib` names, or whatever is neither the system's, a runtime nor a binding. */
export function librariesInQuestion(libs: readonly string[], files: readonly FileFacts[]): Question {
  const loaded = files.filter(({ runtime }) => runtime === null);
  if (libs.length === 0) {
    const paths = loaded.filter(({ path }) => moduleSide(path) === "library").map(({ path }) => path);
    return { paths: new Set(paths), exe: false, unmatched: [], explicit: false };
  }
  const named = libs.filter((lib) => lib !== EXE);
  const paths = loaded.filter((file) => named.some((lib) => matches(lib, file))).map(({ path }) => path);
  return {
    paths: new Set(paths),
    exe: libs.includes(EXE),
    unmatched: named.filter((lib) => !loaded.some((file) => matches(lib, file))),
    explicit: true,
  };
}

/** Basename, soname, soname without its version, or a glob on the full path; never a substring (design, section 5). */
function matches(lib: string, { path, soname }: FileFacts): boolean {
  const names = [path, basename(path)];
  if (soname !== null) {
    names.push(soname, soname.replace(/(\.so)[.\d]+$/, "$1"));
  }
  return names.includes(lib) || (/[*?[]/.test(lib) && picomatch.isMatch(path, lib, { dot: true }));
}
