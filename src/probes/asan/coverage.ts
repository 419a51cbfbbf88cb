import { basename } from "node:path";
import type { Coverage } from "../../model/evidence.js";
import type { Options } from "../../model/options.js";
import type { Sanitizer } from "../../model/primitives.js";
import type { StepEnd } from "../../model/recording.js";
import { endsThere, type ProcessLeft } from "./decode.js";
import type { Loaded, ProcessRecord } from "./process-record.js";
import { canJudge } from "./races.js";

type BlindSpot = Coverage["blindSpots"][number];

const LOOKED_FOR: Record<Sanitizer, string[]> = {
  address: [
    "frees of what is free already, of what is no block, and by the function of another family",
    "out-of-bounds and freed memory in calls of libc functions (memcpy, strlen, read, ...) by any code",
    "out-of-bounds and freed memory in plain reads and writes of code that was built with -fsanitize=address",
    "faults by signal in native code that no handler of the program's recovers from",
  ],
  undefined: ["undefined operations in code that was built with -fsanitize=undefined"],
  thread: ["data races, and locks taken in another order, in code that was built with -fsanitize=thread"],
  leak: ["blocks that nothing pointed to any more at exit"],
};

const FLAGS: Record<Sanitizer, string> = {
  address: "-fsanitize=address",
  undefined: "-fsanitize=undefined",
  thread: "-fsanitize=thread",
  leak: "-fsanitize=leak",
};

const SYSTEM = /^\/(usr\/)?(lib|lib32|lib64|libx32)\//;
const RUNTIME = /\/lib(asan|lsan|tsan|ubsan)\.so|\/libclang_rt\./;
const SYSTEM_PROGRAM = /^\/(usr\/)?(s?bin|libexec)\//;
const BINDINGS = /^(koffi.*\.node|libffi\.so.*|_ctypes\..*|_cffi_backend\..*|libjffi.*|libjnidispatch.*)$/;
const RUNTIMES =
  /^(libpython[\d.]+\.so.*|libnode\.so.*|libjvm\.so|ffi_doctor_\w+\.so|lib(asan|lsan|tsan|ubsan)\.so.*|libclang_rt\..*)$/;

/** What AddressSanitizer cannot see, whatever was built with it. */
const STANDING: BlindSpot[] = [
  {
    what: "values that were used and never written",
    why: "AddressSanitizer watches addresses, not values",
    mend: "ffi-doctor valgrind -- ...",
  },
  {
    what: "a block of C's that Rust drops, one of Rust's that free() takes, and a wrong Layout",
    why: "both sides use libc's malloc, which takes any of its own blocks",
    mend: null,
  },
];

const NOT_JUDGED = "races of code without -fsanitize=thread, whose own order ThreadSanitizer cannot see";

/** What the sanitizer looked for, and what it could not see. */
export function coverageOf(left: readonly ProcessLeft[], end: StepEnd, options: Options): Coverage {
  const leaks = left.some(({ record }) => record?.leaks === "looked-for");
  const lookedFor = [...LOOKED_FOR[options.sanitizer]];
  if (leaks && options.sanitizer === "address") {
    lookedFor.push(...LOOKED_FOR.leak);
  }
  const unjudged = left.reduce(
    (sum, { log, record }) => sum + log.reports.filter((report) => !canJudge(report, record)).length,
    0,
  );
  return {
    probe: "asan",
    lookedFor,
    blindSpots: [
      ...uninstrumented(left, end, options),
      ...(options.sanitizer === "address" ? STANDING : []),
      ...leakSpots(left, options, leaks),
      ...hostSpots(left, options),
      ...recordingSpots(left, end),
    ],
    notShown: unjudged === 0 ? [] : [{ what: NOT_JUDGED, count: unjudged }],
  };
}

/**
 * The honest line: what of a library without checks was seen, and what to type for the rest. A first process without a runtime beside it
 * has one built in, and so the checks: none was preloaded for that.
 */
function uninstrumented(left: readonly ProcessLeft[], end: StepEnd, options: Options): BlindSpot[] {
  if (options.sanitizer === "leak") {
    return [];
  }
  const candidates = new Map<string, Loaded>();
  for (const { pid, record } of left) {
    const builtIn = pid === end.pid && !(record?.loaded ?? []).some(({ path }) => RUNTIME.test(path));
    for (const one of record?.loaded ?? []) {
      if (!(one.program && builtIn) && inQuestion(one, options.libs, record?.runtime ?? null)) {
        candidates.set(one.path, one);
      }
    }
  }
  return [...candidates.values()]
    .filter(({ checks }) => !checks.includes(options.sanitizer))
    .slice(0, MOST_LIBRARIES)
    .map(({ path }) => uninstrumentedSpot(path, options));
}

/** Of libraries that are named; a program with more has them in its run directory. */
const MOST_LIBRARIES = 8;

function uninstrumentedSpot(path: string, options: Options): BlindSpot {
  const flag = FLAGS[options.sanitizer];
  const rebuild = `ffi-doctor asan ${options.sanitizer === "address" ? "" : `--sanitizer ${options.sanitizer} `}--build "<the command that builds ${basename(path)}>" -- ...`;
  return options.sanitizer === "address"
    ? {
        what: `plain reads and writes in ${path}`,
        why: `it was built without ${flag}: only its frees and its calls of libc functions were checked`,
        mend: `${rebuild}; or, without building it again: ffi-doctor valgrind -- ...`,
      }
    : { what: `all that ${path} does`, why: `it was built without ${flag}`, mend: rebuild };
}

/** By default the libraries that are not the system's; and the program itself, where it is none of the system's and no runtime. */
function inQuestion({ path, program }: Loaded, libs: readonly string[], runtime: ProcessRecord["runtime"]): boolean {
  if (program) {
    const own = (runtime === null || runtime === "go") && !SYSTEM.test(path) && !SYSTEM_PROGRAM.test(path);
    return libs.includes("exe") || (libs.length === 0 && own);
  }
  const name = basename(path);
  if (libs.length > 0) {
    return libs.some((lib) => lib === path || lib === name || basename(lib) === name || name.startsWith(`${lib}.`));
  }
  return !SYSTEM.test(path) && !BINDINGS.test(name) && !RUNTIMES.test(name) && !/\/jvm\/|\/lib-dynload\//.test(path);
}

function leakSpots(left: readonly ProcessLeft[], options: Options, looked: boolean): BlindSpot[] {
  if (options.sanitizer !== "leak" && (options.sanitizer !== "address" || options.libs.length === 0)) {
    return options.sanitizer === "address"
      ? [
          {
            what: "leaks",
            why: "they are looked for only where --lib names the library",
            mend: "--lib <file name or soname>",
          },
        ]
      : [];
  }
  if (left.some(({ record }) => record?.runtime === "go")) {
    return [
      {
        what: "leaks",
        why: "a Go program ends without the exit handlers at which they are looked for",
        mend: "ffi-doctor valgrind --lib <library> -- ...",
      },
    ];
  }
  if (left.some(({ record }) => record?.leaks === "not-of-a-jvm")) {
    return [
      {
        what: "leaks",
        why: "LeakSanitizer dies of the guard pages of a JVM's threads, so it was not let look",
        mend: "ffi-doctor valgrind --lib <library> -- ...",
      },
    ];
  }
  return looked || left.length === 0
    ? []
    : [{ what: "leaks", why: "no process came to its exit handlers: it died, or left by _exit", mend: null }];
}

function hostSpots(left: readonly ProcessLeft[], options: Options): BlindSpot[] {
  const runtimes = new Set(left.map(({ record }) => record?.runtime ?? null));
  const spots: BlindSpot[] = [];
  if (options.sanitizer === "address" && left.some(({ record }) => record !== null && isPlainGo(record))) {
    spots.push({
      what: "what native code does to Go's own memory",
      why: "Go's heap is none of malloc's, and the program was not built for the sanitizer",
      mend: "go build -asan, then the same command again",
    });
  }
  if (options.sanitizer === "address" && runtimes.has("node")) {
    spots.push({
      what: "overruns from one small Buffer into the next, and use of what koffi lends for one call after it",
      why: "Node cuts small Buffers out of one block of 8 KiB, and koffi what it lends out of blocks that it keeps",
      mend: "set Buffer.poolSize = 0 at the start of the program; Buffer.allocUnsafeSlow makes a block of its own",
    });
  }
  if (left.some(({ record }) => record !== null)) {
    spots.push({
      what: "calls into a library that was unloaded",
      why: "libraries stay loaded, so that what they left behind can be named",
      mend: "ffi-doctor gdb-capture -- ...",
    });
  }
  return spots;
}

/** `go build -asan` has the program's own checks compiled in, and Go tells the runtime of its heap. */
function isPlainGo({ runtime, loaded }: ProcessRecord): boolean {
  return runtime === "go" && !loaded.some(({ program, checks }) => program && checks.includes("address"));
}

function recordingSpots(left: readonly ProcessLeft[], end: StepEnd): BlindSpot[] {
  const spots: BlindSpot[] = [];
  const again = "run it again; the sanitizer's own words are in the run directory under raw/";
  for (const process of left) {
    const { pid, log, record, hostRuntime, hostFrames } = process;
    const damaged = log.damaged + (record?.damaged ?? 0);
    if (damaged > 0) {
      spots.push({
        what: `part of the report of process ${pid}`,
        why: `it is cut or damaged in ${damaged} place(s)`,
        mend: again,
      });
    }
    if (log.omitted > 0) {
      spots.push({ what: `${log.omitted} more reports of process ${pid}`, why: "so many are not kept", mend: null });
    }
    const silent =
      hostRuntime !== null && hostFrames.length === 0 && log.reports.some((one) => endsThere(one, process));
    if (record?.hostStackHung === true || silent) {
      spots.push({
        what: `the host's own functions in process ${pid}`,
        why:
          record?.hostStackHung === true
            ? "its runtime did not answer when it was asked for its frames at death"
            : "its runtime told none for the thread that died",
        mend: "ffi-doctor gdb-capture -- ...",
      });
    }
  }
  if (end.outcome.signal === "SIGKILL" && !end.outcome.timedOut && end.stopped !== true) {
    spots.push({
      what: "who sent SIGKILL, and why",
      why: "the kernel tells nobody; a sanitizer makes a program need two to three times its memory",
      mend: "dmesg | grep -i 'killed process'",
    });
  }
  return spots.slice(0, 12);
}
