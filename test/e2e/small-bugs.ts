import type { FindingCode } from "../../src/model/finding-code.js";

/** How the heap is watched: filled, each block's end against a closed page, or its beginning. */
export type Mode = "poison" | "guard" | "guard before";

/** The one code that is told; or why nothing is. */
export type Expected = { code: FindingCode } | { notSeen: string };

interface Bug {
  poison: Expected;
  guard: Expected;
  /** Only where the side of the closed page matters. */
  "guard before"?: Expected;
}

const code = (name: FindingCode): Expected => ({ code: name });
const notSeen = (why: string): Expected => ({ notSeen: why });
const both = (expected: Expected): Bug => ({ poison: expected, guard: expected });

const READ = notSeen("a read leaves no mark, and what is read is not used as a pointer");
const SLACK = notSeen(
  "a block ends at the closed page only up to its alignment of 16, and a read before that leaves no mark",
);
const BEFORE = notSeen("the closed page is behind the block");
const VALUE = notSeen("blocks are watched, not values");
const HELD = notSeen("an address within a block may be how the program holds it");
const JUMP = notSeen("whose free it was is told by the stack, and functions that end in a jump are not on it");
const MERGED = notSeen(
  "Rust drops values within its functions by calls of free, from which its own code's are not told apart",
);
const POINTER = notSeen("the host calls free by a pointer, and what was called is not sure");
const SOUND = notSeen("there is no mistake");

/** Seen where a closed page is there to be run into. */
const guarded = (name: FindingCode): Bug => ({ poison: READ, guard: code(name) });

const USED = code("heap-use-after-free");
const OVER = code("heap-buffer-overflow");
const UNDER = code("heap-buffer-underflow");
const TWICE = code("double-free");
const INVALID = code("invalid-free");
const OTHER = code("alloc-dealloc-mismatch");
const LEAK = code("memory-leak");

/** Each library of `fixtures/libs`, and what `ffi-doctor run` tells of its broken way. Of the healthy one it tells nothing. */
export const smallBugs: Record<string, Bug> = {
  "uaf-write-head": both(USED),
  "uaf-write-body": both(USED),
  "uaf-write-after-reuse": both(USED),
  "uaf-write-after-churn": both(USED),
  "uaf-write-other-thread": both(USED),
  "uaf-write-in-callback": both(USED),
  "uaf-write-in-destructor": both(USED),
  "uaf-write-in-fork-child": both(USED),
  "uaf-write-100-kib": both(USED),
  "uaf-write-2-mib": both(USED),
  "uaf-write-by-host": both(USED),
  "uaf-write-freed-by-host": both(USED),
  "uaf-read-head": guarded("heap-use-after-free"),
  "uaf-read-body": guarded("heap-use-after-free"),
  "uaf-read-after-reuse": guarded("heap-use-after-free"),
  "uaf-read-after-churn": guarded("heap-use-after-free"),
  "uaf-read-in-callback": guarded("heap-use-after-free"),
  "uaf-read-by-host": guarded("heap-use-after-free"),
  // A block of more than a chunk is closed when it is freed: to fill it would cost more.
  "uaf-read-2-mib": both(USED),

  "overflow-1": both(OVER),
  "overflow-8": both(OVER),
  "overflow-300": both(OVER),
  "overflow-1-in-slack": both(OVER),
  "overflow-8-in-slack": both(OVER),
  "overflow-300-past-slack": both(OVER),
  "overflow-100-kib": both(OVER),
  "overflow-2-mib": both(OVER),
  "overflow-of-no-bytes": both(OVER),
  "overflow-read-1": guarded("heap-buffer-overflow"),
  "overflow-read-8": guarded("heap-buffer-overflow"),
  "overflow-read-1-in-slack": both(SLACK),
  "vector-overflow": both(OVER),
  "vec-overflow": both(OVER),

  "underflow-1": { ...both(UNDER), "guard before": UNDER },
  "underflow-8": { ...both(UNDER), "guard before": UNDER },
  "underflow-16": { ...both(UNDER), "guard before": UNDER },
  "underflow-read-1": { poison: READ, guard: BEFORE, "guard before": UNDER },
  "underflow-read-8": { poison: READ, guard: BEFORE, "guard before": UNDER },
  "underflow-read-16": { poison: READ, guard: BEFORE, "guard before": UNDER },

  "double-free": both(TWICE),
  "double-free-after-churn": both(TWICE),
  "double-free-by-host": both(TWICE),
  "double-free-after-host": both(TWICE),
  "unique-twice": both(TWICE),
  "box-twice": both(TWICE),

  "free-interior": both(INVALID),
  "free-interior-by-host": both(INVALID),
  "free-stack": both(INVALID),
  "free-global": both(INVALID),
  "free-mapped": both(INVALID),

  "malloc-to-delete": both(OTHER),
  "new-to-free": both(OTHER),
  "new-array-to-delete": both(OTHER),
  "new-to-delete-array": both(OTHER),
  "new-freed-by-host": both(OTHER),
  "box-to-free": both(MERGED),
  "box-to-free-by-jump": both(JUMP),
  "box-to-free-or-drop": both(JUMP),
  "box-freed-by-host": both(POINTER),
  "malloc-to-box": both(OTHER),

  "realloc-old-write": both(USED),
  "realloc-old-read": guarded("heap-use-after-free"),
  "realloc-to-nothing": both(USED),

  "strdup-overflow": both(OVER),
  "strndup-uaf": both(USED),
  "wcsdup-overflow": both(OVER),
  "asprintf-uaf": both(USED),
  "getline-overflow": both(OVER),
  "memalign-overflow": both(OVER),
  "posix-memalign-uaf": both(USED),
  "aligned-alloc-underflow": both(UNDER),
  "calloc-uaf": both(USED),
  "reallocarray-overflow": both(OVER),
  "box-uaf": both(USED),

  "unset-pointer": both(code("poisoned-pointer")),
  // Under guard it is the read of the pointer that is told.
  "freed-pointer": { poison: code("poisoned-pointer"), guard: USED },
  "unset-value": both(VALUE),
  "cut-pointer": both(code("truncated-pointer")),
  "cut-by-host": both(code("truncated-pointer")),
  "failed-malloc-used": both(code("null-dereference")),

  "leak-one": both(LEAK),
  "leak-hundred": both(LEAK),
  "leak-list": both(LEAK),
  "leak-by-host": both(LEAK),
  "leak-interior": both(HELD),
  "leak-in-use": both(SOUND),

  "sound-edges": both(SOUND),
  "sound-alignments": both(SOUND),
  "sound-threads": both(SOUND),
};

/** Leaks are looked for only where the library is named, and are warnings. */
export function isLeak(bug: string): boolean {
  return bug.startsWith("leak-");
}

/** Bugs whose last deed in the library is a jump, so that the library is on no stack (docs/limits.md). */
export const JUMPED: ReadonlySet<string> = new Set(["free-global", "new-freed-by-host"]);
