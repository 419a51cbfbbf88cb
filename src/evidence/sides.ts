import type { Frame, Side } from "../model/frame.js";
import type { HostRuntime } from "../model/primitives.js";
import { BINDINGS, CHECKERS, compiled, DISTRIBUTION, fits, RUNTIMES } from "./module-globs.js";

const [bindings, runtimes, distribution, checkers] = [BINDINGS, RUNTIMES, DISTRIBUTION, CHECKERS].map(compiled) as [
  RegExp[],
  RegExp[],
  RegExp[],
  RegExp[],
];
/** A checker's code by its sources, where a program has it built in. */
const CHECKER_SOURCES = /\/(compiler-rt\/lib|libsanitizer)\/(asan|lsan|tsan|ubsan|sanitizer_common|interception)\//;
/** "[vdso]", and gdb's "system-supplied DSO at 0x...". */
const VIRTUAL = /^[^/]/;
const CGO_GLUE =
  /^(_cgo_|_cgoexp_|x_cgo_|crosscall|runtime\.(cgocall|asmcgocall|cgocallback)|_?runtime_cgo|.*\._Cfunc_|.*\._C2func_)/;
const RUNTIME_CGO_FILES = /(^|\/)(gcc_[\w.]+\.[cS]|cgo-gcc-prolog|_cgo_export\.c|_cgo_gotypes\.go)$/;
/** Top folders of Go's standard library; "main" and paths with a dot are the user's (cmd/go, import path syntax). */
const GO_STANDARD =
  /^(runtime|internal|syscall|sync|os|net|io|fmt|bufio|bytes|strings|strconv|errors|time|context|reflect|sort|math|encoding|crypto|hash|log|path|regexp|text|html|unicode|database|container|compress|archive|embed|expvar|flag|go|image|index|mime|plugin|slices|maps|iter|cmp|testing|vendor|debug|unique|weak|unsafe|structs)$/;

/** Python's standard library and its frozen modules; site-packages are their authors'. */
const STANDARD_MODULES = /^<|\/lib\/python[\d.]+\/(?!(site|dist)-packages\/)/;

/** The JDK's own packages. */
const JAVA_STANDARD = /^(java|javax|jdk|sun|com\.sun)\./;

/** What must be known of a process to say whose a frame is. */
export interface SideContext {
  runtime: HostRuntime;
  executable: string | null;
  /** True when the user named the executable itself with `--lib exe`. */
  exeInQuestion: boolean;
  /** Paths of the libraries that `--lib` names: in question, though they are the distribution's or a binding. */
  named: ReadonlySet<string>;
}

/** The side of one frame, from its module, name and file alone. */
export function sideOf(frame: Frame, context: SideContext): Side {
  if (frame.kind === "interpreted") {
    return STANDARD_MODULES.test(frame.file ?? "<frozen>") ? "host" : "script";
  }
  if (frame.kind === "jit") {
    return generatedSide(frame);
  }
  const path = frame.module;
  if (path === null || VIRTUAL.test(path)) {
    return "system";
  }
  if (startsProgram(frame.function) || CHECKER_SOURCES.test(frame.file ?? "")) {
    return "system";
  }
  if (path === context.executable) {
    return executableSide(frame, context);
  }
  return context.named.has(path) ? "library" : moduleSide(path);
}

/** The side of a shared object by its path. */
export function moduleSide(path: string): Side {
  if (fits(path, bindings)) {
    return "binding";
  }
  if (fits(path, runtimes)) {
    return "host";
  }
  return VIRTUAL.test(path) || fits(path, distribution) || fits(path, checkers) ? "system" : "library";
}

/** Code that a JIT made: the user's where a source file is named that is not the runtime's own. */
function generatedSide(frame: Frame): Side {
  if (frame.language === "java") {
    return JAVA_STANDARD.test(frame.function ?? "") ? "host" : "script";
  }
  const own = frame.file !== null && !frame.file.startsWith("node:") && !frame.file.startsWith("internal/");
  return (frame.language === "javascript" && own) || frame.language === "webassembly" ? "script" : "host";
}

function executableSide(frame: Frame, context: SideContext): Side {
  switch (context.runtime) {
    case "node":
    case "python":
    case "java":
    case "unknown":
      return "host";
    case "go":
      return goSide(frame);
    case "rust":
    case "c":
      return context.exeInQuestion ? "library" : "script";
  }
}

/** A Go executable holds the runtime, the user's Go, cgo's glue and, in archives, the native library itself. */
function goSide(frame: Frame): Side {
  const name = frame.function ?? "";
  const file = frame.file ?? "";
  if (RUNTIME_CGO_FILES.test(file)) {
    return "binding";
  }
  if (isPreamble(name, file)) {
    return "library";
  }
  if (CGO_GLUE.test(name)) {
    return "binding";
  }
  if (frame.language === "c" || frame.language === "c++" || frame.language === "rust") {
    return "library";
  }
  const folder = packageOf(name).split("/")[0] ?? "";
  return GO_STANDARD.test(folder) || name === "" || /^(go:|type:)/.test(name) ? "host" : "script";
}

/** C that stands above `import "C"`: its lines are a Go file's, its name has no package, or is that of the glue it was inlined into. */
function isPreamble(name: string, file: string): boolean {
  return isCall(name) ? file !== "" : file.endsWith(".go") && /^\w+$/.test(name) && !CGO_GLUE.test(name);
}

/** What cgo makes for each C function that a Go package calls. */
export function isCall(name: string): boolean {
  return /^_cgo_[0-9a-f]+_C2?func_/.test(name);
}

/** "net/http.(*Server).Serve" is of "net/http". */
function packageOf(name: string): string {
  const slash = name.lastIndexOf("/") + 1;
  const dot = name.indexOf(".", slash);
  return dot < 0 ? name : name.slice(0, dot);
}

function startsProgram(name: string | null): boolean {
  return name === "_start" || name === "_rt0_amd64_linux" || name === "_rt0_amd64";
}
