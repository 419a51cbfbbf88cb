import { basename } from "node:path";
import type { Coverage } from "../../model/evidence.js";
import type { Options } from "../../model/options.js";
import type { HostRuntime } from "../../model/primitives.js";

type BlindSpot = Coverage["blindSpots"][number];

const LOOKED_FOR = [
  "reads and writes of heap blocks that were freed, or beyond their ends, in every process of the target",
  "reads and writes of memory that belongs to nothing, and jumps to what is no code",
  "blocks that were freed twice, were never allocated, or were freed by the wrong function",
  "decisions, addresses and system calls that go by values which nobody wrote",
  "arguments that no call can mean, and fatal signals",
];

export function lookedFor(options: Options): string[] {
  return options.libs.length === 0
    ? LOOKED_FOR
    : [...LOOKED_FOR, "heap blocks that nothing points to any more when a process ends"];
}

const ASAN = "ffi-doctor asan -- <command>, with the library built by -fsanitize=address";

/** What valgrind cannot see, whatever the target. */
export function standingSpots(options: Options): BlindSpot[] {
  return [
    ...(options.libs.length > 0
      ? []
      : [{ what: "leaks", why: "they are looked for only where --lib names the library", mend: "--lib <library>" }]),
    {
      what: "bounds of arrays on stacks and in static memory",
      why: "valgrind knows the bounds of heap blocks only",
      mend: ASAN,
    },
    {
      what: "a block of C's that Rust drops, one of Rust's that free() takes, and a wrong Layout",
      why: "both sides use libc's malloc, which takes any of its own blocks",
      mend: null,
    },
  ];
}

const BY_RUNTIME: Partial<Record<HostRuntime, BlindSpot>> = {
  node: {
    what: "Buffers cut from Node's pool, and what koffi lends for one call",
    why: "they lie in larger blocks that are all usable",
    mend: "Buffer.alloc and Buffer.allocUnsafeSlow make blocks of their own",
  },
  go: {
    what: "memory of Go's own heap",
    why: "Go gets it from the kernel, not from malloc",
    mend: "go build -asan; or hand over memory of C.malloc",
  },
  java: {
    what: "arrays and objects of the Java heap",
    why: "the JVM gets them from the kernel, not from malloc",
    mend: "hand over direct buffers or native segments",
  },
};

/** What valgrind cannot see in the runtimes that were run, by the names of their programs and libraries. */
export function runtimeSpots(programs: readonly string[], files: readonly string[]): BlindSpot[] {
  const runtimes = new Set<HostRuntime>();
  for (const program of programs) {
    const name = basename(program);
    if (/^(node|nodejs|electron)$/.test(name)) {
      runtimes.add("node");
    } else if (/^java$/.test(name) || files.some((file) => /\/libjvm\.so$/.test(file))) {
      runtimes.add("java");
    }
  }
  return [...runtimes].flatMap((runtime) => spotOf(runtime));
}

export function spotOf(runtime: HostRuntime): BlindSpot[] {
  const spot = BY_RUNTIME[runtime];
  return spot === undefined ? [] : [spot];
}
