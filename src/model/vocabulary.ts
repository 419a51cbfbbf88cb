/** The closed lists of words that the command line takes, apart from the schemas so that a verb starts without loading those. */

export const formats = ["terminal", "json", "sarif", "junit", "markdown"] as const;

/** Which errors of a checker are findings: those with a frame of the libraries in question in any stack, or all. */
export const scopes = ["library", "all"] as const;

/** When a second run is to say where values came from that nobody wrote: when such are left, in each run, or never. */
export const originPasses = ["auto", "always", "never"] as const;

/** The verbs that `ci` can run a command under. */
export const instruments = ["run", "gdb-capture", "valgrind", "asan"] as const;
export type InstrumentName = (typeof instruments)[number];

export const sanitizers = ["address", "undefined", "thread", "leak"] as const;

/** How `run` watches the heap: not at all; by what it fills memory with; by memory that is not accessible. */
export const heapModes = ["off", "poison", "guard"] as const;
/** Where the inaccessible page lies against a block. */
export const guardSides = ["after", "before"] as const;
/** Which stacks are kept of each allocation and each free: none, the caller alone, or all up to the call into the library. */
export const stackModes = ["off", "caller", "full"] as const;

export const severities = ["error", "warning", "note"] as const;

/** The shim's broken twins that `--demo` can run; `healthy` is the same workload over the sound library. */
export const twins = [
  "healthy",
  "stale-handle",
  "thread-local-runtime",
  "bytes-use-after-free",
  "double-free",
  "panic-across-boundary",
  "stack-overflow",
] as const;

/** What `--with` turns on: the hosts' own checkers, and allocators that check or fill. */
export const checkers = [
  "cgocheck",
  "xcheck-jni",
  "python-malloc",
  "python-dev",
  "node-abort",
  "malloc-check",
  "jemalloc",
] as const;
export type Checker = (typeof checkers)[number];
