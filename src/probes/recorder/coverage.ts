import type { Coverage } from "../../model/evidence.js";
import type { Options } from "../../model/options.js";
import type { StepEnd } from "../../model/recording.js";
import type { NameOf } from "../blackbox/layout.js";
import type { Box } from "../blackbox/records.js";
import type { Program } from "./programs.js";
import type { Told } from "./stacks.js";

type BlindSpot = Coverage["blindSpots"][number];

const GUARD = "ffi-doctor run --heap guard -- ...";
const VALGRIND = "ffi-doctor valgrind -- ...";
const CAPTURE = "ffi-doctor gdb-capture -- ...";
const MOST_SPOTS = 12;

const HEAP_ALWAYS = [
  "frees of what is free already, of what is no block's beginning, and by the function of another family, of blocks that the libraries in question allocated",
];
const HEAP_BY_MODE = {
  off: [],
  poison: ["writes before, behind and to freed blocks of the libraries in question, by the marks that they leave"],
  guard: [
    "reads and writes before or behind blocks of the libraries in question, on the side that is guarded, and of freed ones, at the instruction that does it",
  ],
};
const MISMATCHES = "blocks of Rust's allocator that free took back, and of malloc's that Rust did";
const LEAKS = "blocks of the libraries in question that nothing pointed to any more at exit";

/** What was watched of the heap; one entry, or none where it was not asked for. */
export function heapCoverage(told: Told, programs: readonly Program[], end: StepEnd, options: Options): Coverage[] {
  const { mode, stacks } = options.heap;
  if (mode === "off") {
    return [];
  }
  const boxes = programs.map(({ box }) => box);
  const leaks = options.libs.length > 0 && boxes.some((box) => wasLookedForLeaks(box));
  return [
    {
      probe: "heap",
      lookedFor: [
        ...HEAP_ALWAYS,
        ...HEAP_BY_MODE[mode],
        ...(stacks === "off" ? [] : [MISMATCHES]),
        ...(leaks ? [LEAKS] : []),
      ],
      blindSpots: [
        ...modeSpots(boxes, options),
        ...leakSpots(boxes, options, end),
        ...noteSpots(boxes),
        ...countSpots(boxes),
        ...symbolSpots(told),
        ...standingSpots(end),
      ].slice(0, MOST_SPOTS),
      notShown: [],
    },
  ];
}

/** What was watched of signals, and of the recording as a whole. */
export function signalsCoverage(told: Told, programs: readonly Program[], end: StepEnd): Coverage {
  return {
    probe: "signals",
    lookedFor: [
      "fatal signals (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS) in every process that the recorder is in, and what each meant",
      "crash handlers that end the process by exit",
    ],
    blindSpots: [...endSpots(programs, end), ...recordingSpots(told)].slice(0, MOST_SPOTS),
    notShown: [],
  };
}

function wasLookedForLeaks({ notes, exits }: Box): boolean {
  return (
    !notes.some(({ code }) => code === "leaksNotLookedFor") && exits.some(({ how }) => how !== "now" && how !== "go")
  );
}

const RUNGS: Record<NameOf<"guardRung">, string> = {
  none: "nothing",
  userfaultfd: "userfaultfd",
  madvGuard: "MADV_GUARD_INSTALL",
  mprotect: "mprotect, which the kernel allows for some ten thousand blocks",
  fill: "no means of the kernel's: blocks are filled in place of it, as with --heap poison",
};

function modeSpots(boxes: readonly Box[], { heap }: Options): BlindSpot[] {
  if (heap.mode === "poison") {
    return [
      {
        what: "reads of freed memory and beyond blocks",
        why: "they leave no marks; only what is read is filled, so that it shows as such where it is used",
        mend: GUARD,
      },
    ];
  }
  const rungs = new Set(boxes.flatMap(({ header }) => header.guardRung ?? []));
  const fallbacks = sum(boxes, "guardFallbacks");
  const [side, option] = heap.guardSide === "after" ? ["before", "before"] : ["behind", "after"];
  return [
    {
      what: `accesses ${side} blocks${heap.guardSide === "after" ? ", and to the up to 15 bytes behind one whose size is no multiple of 16" : ""}`,
      why: "one side of a block lies against a closed page; a write on the other is found later, by the marks that it leaves",
      mend: `--guard-side ${option}`,
    },
    ...(rungs.has("mprotect") || rungs.has("fill")
      ? [
          {
            what: "some accesses that a closed page would show",
            why: `memory was closed by ${[...rungs].map((rung) => RUNGS[rung]).join(", ")}`,
            mend: "in a container: docker run --security-opt seccomp=unconfined",
          },
        ]
      : []),
    ...(fallbacks > 0
      ? [
          {
            what: `${fallbacks} blocks`,
            why: "they were filled in place of guarded, as there was no more room",
            mend: null,
          },
        ]
      : []),
  ];
}

const WHY_NO_LEAKS: Record<number, string> = {
  1: "the process ended without its exit handlers",
  2: "other threads could not be halted to look through their stacks",
};

function leakSpots(boxes: readonly Box[], { libs }: Options, end: StepEnd): BlindSpot[] {
  if (libs.length === 0) {
    return [
      {
        what: "leaks",
        why: "they are looked for only where --lib names the library",
        mend: "--lib <file name or soname>",
      },
    ];
  }
  const mend = "ffi-doctor valgrind --lib <library> -- ...";
  const root = boxes.filter(({ header }) => header.pid === end.pid);
  const note = root.flatMap(({ notes }) => notes).find(({ code }) => code === "leaksNotLookedFor");
  if (note !== undefined) {
    return [{ what: "leaks", why: WHY_NO_LEAKS[Number(note.a)] ?? "they were not looked for", mend }];
  }
  return root.length === 0 || root.some(wasLookedForLeaks)
    ? []
    : [{ what: "leaks", why: "the process did not come to its exit handlers: it died, or left by _exit", mend }];
}

function noteSpots(boxes: readonly Box[]): BlindSpot[] {
  const spots = boxes.flatMap((box) =>
    box.notes.flatMap((note): BlindSpot[] => {
      const { pid } = box.header;
      switch (note.code) {
        case "noRoomForHeap":
          return [
            {
              what: `the heap of process ${pid}`,
              why: `its address space is limited${note.a === 0n ? "" : ` to ${note.a} bytes`}, and watched blocks need 64 GiB of it`,
              mend: "ulimit -v unlimited",
            },
          ];
        case "importsReadOnly": {
          const path = box.modules.find(({ id }) => BigInt(id) === note.a)?.path ?? "a library";
          return [
            { what: `blocks of ${path}`, why: `its imports could not be changed (errno ${note.b})`, mend: VALGRIND },
          ];
        }
        case "sanitized":
          return [
            {
              what: `the heap of process ${pid}`,
              why: "the program brings a sanitizer's runtime, which watches it",
              mend: "ffi-doctor asan -- ...",
            },
          ];
        case "otherAllocator":
          return [
            {
              what: `what ${note.text === "" ? "another allocator" : note.text} does with its own blocks`,
              why: "malloc is not libc's in this process; only blocks of the libraries in question are watched",
              mend: null,
            },
          ];
        default:
          return [];
      }
    }),
  );
  return once(spots);
}

function countSpots(boxes: readonly Box[]): BlindSpot[] {
  const unwatched = sum(boxes, "notWatched");
  const errors = sum(boxes, "errorsOmitted");
  const none = boxes.length > 0 && !boxes.some(({ modules }) => modules.some(({ inQuestion }) => inQuestion));
  return [
    ...(unwatched > 0
      ? [
          {
            what: `${unwatched} blocks of the libraries in question`,
            why: "they were too large to be watched, or there was no more room",
            mend: VALGRIND,
          },
        ]
      : []),
    ...(errors > 0
      ? [{ what: `${errors} more errors of the heap`, why: "so many are not written down", mend: null }]
      : []),
    ...(none
      ? [{ what: "anybody's blocks", why: "no library in question was loaded", mend: "--lib <file name or soname>" }]
      : []),
  ];
}

function symbolSpots({ boxes, symbols }: Told): BlindSpot[] {
  const question = new Set(
    boxes.all.flatMap(({ modules }) => modules.filter(({ inQuestion }) => inQuestion).map(({ path }) => path)),
  );
  return (symbols.file?.modules ?? []).flatMap(({ path, why }) =>
    why !== null && question.has(path) ? [{ what: `functions and lines in ${path}`, why, mend: null }] : [],
  );
}

function standingSpots(end: StepEnd): BlindSpot[] {
  return [
    {
      what: "errors in blocks that the libraries in question did not allocate, such as the host's own buffers",
      why: "only their own blocks are watched",
      mend: "ffi-doctor asan -- ...",
    },
    { what: "values that were used and never written", why: "the recorder watches blocks, not values", mend: VALGRIND },
    ...(end.runtime === "unknown"
      ? [
          {
            what: "children that are statically linked or set-user-id",
            why: "the dynamic linker loads nothing into them",
            mend: null,
          },
        ]
      : []),
  ];
}

function endSpots(programs: readonly Program[], end: StepEnd): BlindSpot[] {
  const spots = programs.flatMap(({ box, ended, verdict }): BlindSpot[] =>
    ended.exit?.how === "go" && verdict.pick === null && /^runtime\.(fatal|gopanic|throw)/.test(ended.goExit ?? "")
      ? [
          {
            what: `why the Go runtime ended process ${box.header.pid}`,
            why: "a panic is no signal; Go's own words are on standard error",
            mend: CAPTURE,
          },
        ]
      : [],
  );
  if (end.outcome.signal === "SIGKILL" && !end.outcome.timedOut && end.stopped !== true) {
    spots.push({
      what: "who sent SIGKILL, and why",
      why: "the kernel tells nobody; most often it was the out-of-memory killer",
      mend: "dmesg | grep -i 'killed process'",
    });
  }
  return spots;
}

function recordingSpots({ boxes, symbols }: Told): BlindSpot[] {
  const again = "run it again";
  const dropped = boxes.all.reduce((count, { header }) => count + header.dropped, 0n);
  const damaged = boxes.all.reduce((count, box) => count + box.damaged, 0);
  return [
    ...(dropped > 0n
      ? [
          {
            what: `${dropped} records`,
            why: "there was no room for them (disk full?)",
            mend: "free space, or --out elsewhere",
          },
        ]
      : []),
    ...(damaged > 0 ? [{ what: `${damaged} parts of the recording`, why: "they are damaged", mend: again }] : []),
    ...(boxes.unreadable.length > 0
      ? [{ what: `${boxes.unreadable.length} processes`, why: "their black boxes cannot be read", mend: again }]
      : []),
    ...(boxes.left > 0 ? [{ what: `${boxes.left} more processes`, why: "so many are not read", mend: null }] : []),
    ...(symbols.file === null && boxes.all.length > 0
      ? [{ what: "functions and lines", why: "symbols.json of the run directory is missing or damaged", mend: again }]
      : []),
  ];
}

function sum(boxes: readonly Box[], counter: NameOf<"counter">): number {
  const total = boxes.reduce((count, { header }) => count + header.counters[counter], 0n);
  return total > 1_000_000_000_000n ? 0 : Number(total);
}

function once(spots: readonly BlindSpot[]): BlindSpot[] {
  return [...new Map(spots.map((spot) => [JSON.stringify(spot), spot])).values()];
}
