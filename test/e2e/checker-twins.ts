import type { Host } from "./hosts.js";

/** How a twin is looked at: by valgrind, or by AddressSanitizer over the library as it is or built for it. */
export type Column = "valgrind" | "asan" | "asan, instrumented";

/** The code that is told; or why nothing is, by the words in which the coverage says so. */
export type Expected = { code: string } | { notSeen: RegExp } | { left: string };

const WRONG_OWNER = /one of Rust's that free\(\) takes/;
const PLAIN_ACCESS = /plain reads and writes in .*libffi_doctor_store\.so/;

const code = (name: string): Expected => ({ code: name });
const notSeen = (spot: RegExp): Expected => ({ notSeen: spot });
const left = (why: string): Expected => ({ left: why });

type Row = (column: Column, host: Host) => Expected;

const always =
  (name: string): Row =>
  () =>
    code(name);

/** Twins whose mistake is one of memory. The others are gdb-capture's: a signal handler, a library that is unloaded. */
export const checkerTwins: Record<string, Row> = {
  "thread-local-runtime": always("null-dereference"),
  // What the freed block holds is read by plain code; the crash that follows is what a plain library shows.
  "stale-handle": (column) =>
    column === "asan"
      ? left("what was left in the block, and so what is taken for a pointer, is chance")
      : code("heap-use-after-free"),
  "double-free": always("double-free"),
  "off-by-one": (column) => (column === "asan" ? notSeen(PLAIN_ACCESS) : code("heap-buffer-overflow")),
  "argument-kept": (column, host) =>
    host.kind === "node"
      ? notSeen(column === "valgrind" ? /koffi lends for one call/ : PLAIN_ACCESS)
      : code("heap-use-after-free"),
  "panic-across-boundary": (_column, host) =>
    host.kind === "go" ? left("Go's runtime takes the abort for its own") : code("panic-across-boundary"),
  "stack-overflow": (_column, host) =>
    host.kind === "go" || host.kind === "node"
      ? left("the stack is the runtime's or the binding's own, which the checker does not know as one")
      : code("stack-overflow"),
  "wrong-length": (column) =>
    column === "valgrind"
      ? left("it reads a GiB, each byte an error: minutes")
      : left("which buffer lies behind the one that was given is chance"),
  "shrink-forgotten": () => notSeen(WRONG_OWNER),
  "malloc-dropped-by-rust": () => notSeen(WRONG_OWNER),
};

/** Of the library built for AddressSanitizer there are these only: of the others the plain build tells as much. */
const INSTRUMENTED = ["stale-handle", "double-free", "off-by-one", "argument-kept", "shrink-forgotten"];

export function isBuilt(column: Column, twin: string): boolean {
  return column !== "asan, instrumented" || INSTRUMENTED.includes(twin);
}
