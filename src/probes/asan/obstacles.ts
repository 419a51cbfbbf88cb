import type { Obstacle } from "../../model/evidence.js";
import type { StepEnd } from "../../model/recording.js";
import type { ProcessLeft } from "./decode.js";
import { SANITIZER_EXIT } from "./plan.js";

const REBUILT =
  "ffi-doctor asan looks at the library that --lib names by its path, and takes the runtime that it wants";

/** How a sanitizer says that it cannot work here, and the way out. */
const FAILURES: readonly { pattern: RegExp; what: string; mend: string | null }[] = [
  {
    pattern: /does not come first in initial library list/,
    what: "a library wants another sanitizer's runtime than the one that was preloaded",
    mend: `name the library with --lib <path>: ${REBUILT}; and ask for its own sanitizer with --sanitizer`,
  },
  {
    pattern: /linked against incompatible ASan runtimes/,
    what: "two runtimes of AddressSanitizer met in one process",
    mend: "build the program and its libraries by the same compiler, or the library alone with -fsanitize=address",
  },
  {
    pattern: /interleaves with an existing memory mapping|Shadow memory|can't find shadow|ReserveShadowMemoryRange/i,
    what: "the sanitizer's shadow memory does not fit beside what the program had mapped already",
    mend: "leave verify_asan_link_order=0 out of ASAN_OPTIONS: the runtime must be loaded first, as ffi-doctor does it",
  },
  {
    pattern: /unexpected memory mapping|personality/,
    what: "this ThreadSanitizer is too old for where this kernel puts things in memory",
    mend: "setarch -R ffi-doctor asan --sanitizer thread -- ...",
  },
  {
    pattern: /LeakSanitizer.*fatal error|has encountered a fatal error/,
    what: "leaks could not be looked for: LeakSanitizer could not stop the process' threads",
    mend: "allow ptrace (docker run --cap-add=SYS_PTRACE), and run it under no debugger; without --lib no leaks are looked for",
  },
  {
    pattern: /failed to (?:allocate|mmap|reserve)|unable to mmap/i,
    what: "the sanitizer could not get the address space that it needs",
    mend: "ulimit -v unlimited",
  },
  {
    pattern: /expected '='|Unknown (?:value|flag)/,
    what: "the sanitizer did not understand its options",
    mend: "check ASAN_OPTIONS, UBSAN_OPTIONS, TSAN_OPTIONS and LSAN_OPTIONS of your own",
  },
  { pattern: /.*/, what: "the sanitizer's runtime itself failed", mend: "ffi-doctor valgrind -- ... needs no runtime" },
];

/** Why silence of the sanitizer would mean nothing. */
export function obstaclesOf(left: readonly ProcessLeft[], end: StepEnd): Obstacle[] {
  const out = toldByRuntimes(left);
  const main = left.find(({ pid }) => pid === end.pid);
  if (
    out.size === 0 &&
    main?.record?.end === null &&
    main.log.reports.length === 0 &&
    end.outcome.exitCode === SANITIZER_EXIT
  ) {
    const { opening } = main.record;
    const what = "a sanitizer's runtime ended the process without a report";
    out.set(what, {
      what,
      why: `its own words are on the program's standard error${opening === null ? "" : `; ${opening} was being opened, which may be built for another sanitizer than the one that was preloaded`}`,
      mend: "ask for the sanitizer that the library was built for: --sanitizer address|undefined|thread|leak",
    });
  }
  for (const process of left.filter(isReportLost).slice(0, out.size === 0 ? MOST_LOST : 0)) {
    const what = `the sanitizer had something to say of process ${process.pid}, and its report is lost`;
    out.set(what, {
      what,
      why: "what it wrote to the run directory is gone, or cut so early that nothing can be read of it",
      mend: "see that the disk is not full (df -h) and that no ulimit -f is set, and run it again",
    });
  }
  if (out.size === 0 && main !== undefined && wentOnWithout(main, end)) {
    const what = `what ${main.record?.executable} executed ran without the sanitizer`;
    out.set(what, {
      what,
      why: "its environment was cleaned of LD_PRELOAD (env -i, sudo), or it takes no preloaded library",
      mend: "put ffi-doctor behind it: env -i ... ffi-doctor asan -- <program>",
    });
  }
  const lost = lostOf(left, end);
  if (lost !== null && out.size === 0) {
    const what = "the sanitizer did not look at the program";
    out.set(what, { what, why: lost, mend: "ffi-doctor valgrind -- ..., or ffi-doctor gdb-capture -- ..." });
  }
  return [...out.values()];
}

/** What they, and the dynamic linker, said of why they cannot work here. */
function toldByRuntimes(left: readonly ProcessLeft[]): Map<string, Obstacle> {
  const out = new Map<string, Obstacle>();
  for (const { log, record } of left) {
    for (const text of log.failures) {
      const { what, mend } = FAILURES.find(({ pattern }) => pattern.test(text)) ?? { what: text, mend: null };
      out.set(what, { what, why: text, mend });
    }
    for (const text of record?.refused ?? []) {
      const what =
        "a library could not be opened, as it wants another sanitizer's runtime than the one that was preloaded";
      out.set(what, {
        what,
        why: text,
        mend: /__asan_|libasan|clang_rt\.asan/.test(text)
          ? "leave --sanitizer out: the library was built for AddressSanitizer"
          : /__tsan_|libtsan/.test(text)
            ? "ffi-doctor asan --sanitizer thread -- ..."
            : `ffi-doctor asan --sanitizer undefined -- ...`,
      });
    }
  }
  return out;
}

/** Programs that execute another in their own place, and end by a status below 125 in no other way than having written something. */
const EXECUTES = /\/(env|nice|nohup|stdbuf|setsid|setpriv|chroot|taskset|ionice)$/;
const COULD_NOT = 125;

/** It ended without its exit handlers, which these programs never do: the process was another program by then, which nobody noted. */
function wentOnWithout({ record, log }: ProcessLeft, { outcome }: StepEnd): boolean {
  const another = record?.end === null && EXECUTES.test(record.executable ?? "");
  return another && log.reports.length === 0 && !outcome.timedOut && (outcome.exitCode ?? 0) < COULD_NOT;
}

const MOST_LOST = 3;

/** A runtime ends a process for what it has written a report of; one that is cut before its first line tells nothing. */
function isReportLost({ record, log }: ProcessLeft): boolean {
  const silent = log.reports.length === 0 && log.failures.length === 0;
  return silent && (record?.end?.how === "death" || log.damaged > 0);
}

/** Why nothing at all is known; null where the companion was in the process. */
export function lostOf(left: readonly ProcessLeft[], end: StepEnd): string | null {
  if (
    end.pid === null ||
    left.some(({ pid, record, log }) => pid === end.pid && (record !== null || log.failures.length > 0))
  ) {
    return null;
  }
  if (end.outcome.exitCode === SANITIZER_EXIT) {
    return "a sanitizer's runtime ended the program before it began (status 99); its own words are on standard error. A program that has a runtime of its own built in, and is stripped, does not show it";
  }
  const how = end.outcome.signal ?? `status ${end.outcome.exitCode ?? "unknown"}`;
  return end.outcome.exitCode === 127
    ? "the dynamic linker could not start the program with the sanitizer's runtime (status 127); its own words are on standard error"
    : `the sanitizer's runtime was not loaded into the program, which ended by ${how}: a static program, a set-user-id one, or one for another C library or machine takes no preloaded library`;
}
