import type { Host } from "./hosts.js";

/** How a twin is looked at: by valgrind, or by AddressSanitizer over the library as it is or built for it. */
export type Column = "valgrind" | "asan" | "asan, instrumented";

export const columns: readonly Column[] = ["valgrind", "asan", "asan, instrumented"];

/** The code that is told; or why nothing is, by the words in which the coverage says so. */
export type Expected = { code: string } | { notSeen: RegExp } | { left: string };

const WRONG_OWNER = /one of Rust's that free\(\) takes/;
const PLAIN_ACCESS = /plain reads and writes in .*libffi_doctor_store\.so/;

const code = (name: string): Expected => ({ code: name });
const notSeen = (spot: RegExp): Expected => ({ notSeen: spot });
const left = (why: string): Expected => ({ left: why });

/** A Go program faults in its own code, and its runtime makes a panic of it before a sanitizer sees it. */
const PANICS = "Go's runtime makes a panic of the fault; gdb-capture tells it";

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
      ? notSeen(column === "asan" ? PLAIN_ACCESS : /koffi lends for one call/)
      : code("heap-use-after-free"),
  "bytes-use-after-free": (column, host) =>
    column !== "valgrind" && host.kind === "go" ? left(PANICS) : code("wild-pointer"),
  "struct-layout": (column, host) =>
    column !== "valgrind" && host.kind === "go" ? left(PANICS) : code("null-dereference"),
  // Of a general protection fault a sanitizer has no address.
  "unaligned-read": (column, host) =>
    column !== "valgrind" ? code("wild-pointer") : host.kind === "go" ? left(PANICS) : code("misaligned-pointer"),
  "panic-across-boundary": (_column, host) =>
    host.kind === "go" ? left("Go's runtime takes the abort for its own") : code("panic-across-boundary"),
  "stack-overflow": (_column, host) =>
    host.kind === "go" || host.kind === "node" || host.kind === "java"
      ? left(
          "the stack is the runtime's or the binding's own, which the checker does not know as one; gdb-capture tells it",
        )
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

/** Twins whose bad pointer the host itself uses: who made it is then often not on the stack. */
export const USED_BY_HOST: ReadonlySet<string> = new Set(["bytes-use-after-free", "struct-layout"]);

/** What is expected of one cell. */
export function expectedIn(column: Column, host: Host, twin: string, row: Row): Expected {
  const built = column !== "asan, instrumented" || INSTRUMENTED.includes(twin);
  return built ? row(column, host) : left("the plain build tells as much");
}

/** The page on all cells; `whole` is the day on which each of them was last run. */
export function pageOf(hosts: readonly Host[], whole: string | null): string {
  const rows = hosts.flatMap((host) =>
    Object.entries(checkerTwins).map(([twin, row]) => {
      const cells = columns.map((column) => cellOf(expectedIn(column, host, twin, row)));
      return `| ${host.name} | ${twin} | ${cells.join(" | ")} |`;
    }),
  );
  return `# Hosts and twins under the checkers

What \`test/e2e/checker-matrix.test.ts\` expects. \`npm test\` runs each twin under each checker on one host in turn, and the healthy workload of
each host under each checker, which comes out clean with its own output and status; \`npm run matrix\` runs every cell and writes
this page. What gdb-capture says is in [matrix.md](matrix.md).

${whole === null ? "Never run as a whole yet." : `Last run as a whole: ${whole}.`}

| host | twin | ${columns.join(" | ")} |
|${"---|".repeat(2 + columns.length)}
${rows.join("\n")}

"Not seen, said so": the checker cannot see such a mistake, and the report's coverage says that and what could. "Not run" has its reason:
what comes out there is chance, or another cell tells as much.
`;
}

function cellOf(expected: Expected): string {
  if ("left" in expected) {
    return `not run: ${expected.left}`;
  }
  return "code" in expected ? expected.code : "not seen, said so";
}
