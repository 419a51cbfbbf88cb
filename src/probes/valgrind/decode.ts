import type { CheckerError } from "../../model/checker-error.js";
import type { Coverage, Obstacle, ProcessInfo } from "../../model/evidence.js";
import type { Options } from "../../model/options.js";
import type { DecodedStep, Recording, StepEnd } from "../../model/recording.js";
import { lookedFor, runtimeSpots, spotOf, standingSpots } from "./coverage.js";
import { Faults } from "./faults.js";
import { gaveUp, unreadable } from "./gave-up.js";
import { emptyImage, type Image, Images, newRoom, type Room } from "./images.js";
import { type Log, programOf, readLog } from "./log.js";
import { LOG_NAME, XML_NAME } from "./names.js";
import { isTrap, NOISE, type Noise } from "./noise.js";
import { readXml } from "./xml.js";

/** One image, with what the log of its process tells. */
interface Known {
  image: Image;
  executable: string | null;
  /** What is wrong with its recording. */
  damage: string | null;
  /** False for a program whose allocator could not be replaced. */
  preloaded: boolean;
  /** True where the process went on as another program. */
  replaced: boolean;
}

/** What memcheck left of one step, whole or cut anywhere, as evidence. Never throws for what is in it. */
export function decodeValgrind(recording: Recording, end: StepEnd, options: Options): DecodedStep {
  const logs = readLogs(recording);
  const faults = new Faults(logs.flatMap(({ log }) => log.faults));
  const room = newRoom();
  const images = readImages(recording, { logs, faults, room, leaks: options.libs.length > 0 });
  const leaks = { possible: 0, unfinished: 0 };
  const checkerErrors = images.flatMap(({ image, executable, preloaded }) =>
    image.errors
      // A static libc's own routines read by the word, and valgrind cannot put its own in their place.
      .filter(({ mistake }) => preloaded || (mistake !== "uninitialized" && mistake !== "leak"))
      .filter((error) => isShown(error, image, options, leaks) && !isCountedTrap(error, image, { faults, end, room }))
      .map((error) => ({ ...error, executable })),
  );
  const files = filesOf(logs, images);
  const programs = images.flatMap(({ executable }) => (executable === null ? [] : [executable]));
  const own = logs.flatMap(({ log }) => gaveUp(log));
  const obstacles = [...own, ...blindTo(rootOf(images, end), own.length > 0), ...noneAtAll(images, end)];
  return {
    processes: processesOf(images, end),
    crashes: [],
    loadFailures: [],
    checkerErrors,
    coverage: [
      {
        probe: "valgrind",
        lookedFor: lookedFor(options),
        blindSpots: [
          ...childSpots(images, end),
          ...spotOf(end.runtime ?? "unknown").filter(() => end.runtime === "go"),
          ...runtimeSpots(
            programs,
            files.map(({ path }) => path),
          ),
          ...standingSpots(options),
          ...roomSpots(room),
        ],
        notShown: [
          {
            what: "leaks that may be none, as something points into the middle of the block (--scope all shows them)",
            count: leaks.possible,
          },
          { what: "leaks of a process that a signal ended (--scope all shows them)", count: leaks.unfinished },
          ...Object.entries(NOISE).map(([noise, what]) => ({ what, count: room.noise[noise as Noise] })),
          { what: "errors beyond the first thousands", count: room.over },
        ].filter(({ count }) => count > 0),
      },
    ],
    lost: obstacles.length > 0 ? null : lostPart(images, end),
    obstacles,
    unreadable: logs.flatMap(({ log }) => unreadable(log) ?? []),
    files,
  };
}

function readLogs(recording: Recording): { order: number; log: Log }[] {
  return numbered(recording, LOG_NAME).map(({ name, order }) => ({ order, log: readLog(recording.pieces(name)) }));
}

/** Files of a step that match, in the order in which they were begun. */
function numbered(recording: Recording, pattern: RegExp): { name: string; order: number }[] {
  return recording
    .names()
    .flatMap((name) => {
      const order = pattern.exec(name)?.groups?.["order"];
      return pattern.test(name) ? [{ name, order: Number(order ?? 0) }] : [];
    })
    .sort((a, b) => a.order - b.order);
}

interface Beside {
  logs: readonly { order: number; log: Log }[];
  faults: Faults;
  room: Room;
  leaks: boolean;
}

function readImages(recording: Recording, { logs, faults, room, leaks }: Beside): Known[] {
  const all = numbered(recording, XML_NAME).flatMap(({ name, order }): Known[] => {
    const pid = Number(XML_NAME.exec(name)?.groups?.["pid"]);
    const log = nearest(logs, pid, order);
    const sink = new Images(pid, room, { stackOverflow: log?.stackOverflow ?? false, leaks, faults });
    const damage = readXml(recording.pieces(name), sink);
    const executable = log === null ? null : programOf(log);
    const preloaded = log === null || log.files.length === 0 || log.preloaded;
    const read = sink.images.length > 0 ? sink.images : [emptyImage(pid)];
    return read.map((image) => ({ image, executable, damage: damage.why, preloaded, replaced: false }));
  });
  return all.map((known, i) => {
    const { pid, parent } = known.image.head;
    return {
      ...known,
      executable: known.executable ?? programOfParent(all, parent),
      replaced: all.slice(i + 1).some(({ image }) => image.head.pid === pid),
    };
  });
}

/** A process that was forked has no log of its own: it runs its parent's program. */
function programOfParent(all: readonly Known[], parent: number | null): string | null {
  return all.findLast(({ image }) => image.head.pid === parent)?.executable ?? null;
}

/** The log that was begun at the same time: a process has one for each program that it executed. */
function nearest(logs: readonly { order: number; log: Log }[], pid: number, order: number): Log | null {
  const own = logs.filter(({ log }) => log.pid === pid);
  const distance = (candidate: { order: number }): number => Math.abs(candidate.order - order);
  return own.sort((a, b) => distance(a) - distance(b))[0]?.log ?? null;
}

/** Known only now that the process's end is. */
function isCountedTrap(
  error: CheckerError,
  image: Image,
  { faults, end, room }: { faults: Faults; end: StepEnd; room: Room },
): boolean {
  const { pid } = image.head;
  const trap = isTrap(error, {
    last: image.errors.findLast(({ mistake }) => mistake === "unmapped-access") === error,
    fault: faults.raisedBy(pid, error.stacks[0]?.frames[0]?.pc ?? "", error.access?.address ?? ""),
    ended: pid === end.pid ? end.outcome : null,
  });
  room.noise.trap += trap ? 1 : 0;
  return trap;
}

/**
 * Blocks to whose middle something points are mostly kept on purpose, and a process that was killed had no chance to free.
 */
function isShown(
  error: CheckerError,
  image: Image,
  options: Options,
  leaks: { possible: number; unfinished: number },
): boolean {
  if (error.leak === null || options.scope === "all") {
    return true;
  }
  const unfinished = image.fatal !== null;
  leaks.unfinished += unfinished ? 1 : 0;
  leaks.possible += !unfinished && error.leak.kind === "possible" ? 1 : 0;
  return !unfinished && error.leak.kind !== "possible";
}

function processesOf(images: readonly Known[], end: StepEnd): ProcessInfo[] {
  const pids = new Set(images.map(({ image }) => image.head.pid));
  const last = new Map(images.map(({ image }) => [image.head.pid, image]));
  return [...last.values()].map(({ head, fatal }) => ({
    pid: head.pid,
    parent: head.parent !== null && pids.has(head.parent) ? head.parent : null,
    command: head.command,
    outcome:
      head.pid === end.pid
        ? end.outcome
        : { exitCode: null, signal: fatal === null ? null : fatal.name, timedOut: false },
  }));
}

function filesOf(logs: readonly { log: Log }[], images: readonly Known[]): DecodedStep["files"] {
  const programs = new Set(images.map(({ executable }) => executable));
  const modules = images.flatMap(({ image }) =>
    image.errors.flatMap(({ stacks }) => stacks.flatMap(({ frames }) => frames.map(({ module }) => module))),
  );
  const paths = new Set([...programs, ...logs.flatMap(({ log }) => log.files), ...modules]);
  return [...paths].flatMap((path) =>
    path === null || /\/vgpreload_/.test(path) ? [] : [{ path, program: programs.has(path) }],
  );
}

/** Why silence means nothing; null where the target's own recording is whole, or its process was killed from outside. */
function lostPart(images: readonly Known[], end: StepEnd): string | null {
  const damaged = images.find(({ damage }) => damage !== null);
  if (damaged !== undefined) {
    return `the recording of process ${damaged.image.head.pid} is damaged (${damaged.damage})`;
  }
  const root = rootOf(images, end);
  const killed = end.outcome.signal === "SIGKILL";
  return root === undefined || root.image.ended || root.replaced || killed
    ? null
    : `the recording of process ${root.image.head.pid} ends before the process did`;
}

/** The program that the command became. */
function rootOf(images: readonly Known[], end: StepEnd): Known | undefined {
  return images.findLast(({ image }) => image.head.pid === end.pid) ?? images.at(-1);
}

/** Without a recording the target was not run, or not under valgrind. */
function noneAtAll(images: readonly Known[], end: StepEnd): Obstacle[] {
  const how = end.tool.signal === null ? `with status ${end.tool.exitCode ?? "unknown"}` : `by ${end.tool.signal}`;
  return images.length > 0
    ? []
    : [
        {
          what: `valgrind ended ${how} and left no recording`,
          why: "it refused the command or its own options, or is none; its words are above; or the program removed the run directory while it ran",
          mend: "valgrind --version is to say 3.16 or newer; apt-get install -y valgrind",
        },
      ];
}

/** The whole question, where the target itself is linked statically. */
function blindTo(root: Known | undefined, died: boolean): Obstacle[] {
  return root === undefined || root.preloaded || died
    ? []
    : [
        {
          what: `${root.executable ?? "the program"} is linked statically, so that valgrind knows none of its heap blocks`,
          why: "its allocator can be replaced only where the dynamic linker loads another",
          mend: "link it dynamically; or build it with -fsanitize=address",
        },
      ];
}

type BlindSpots = Coverage["blindSpots"];

function childSpots(images: readonly Known[], end: StepEnd): BlindSpots {
  const cut = images.filter(({ image, replaced }) => image.head.pid !== end.pid && !image.ended && !replaced);
  return [
    ...(cut.length === 0
      ? []
      : [
          {
            what: `the end of process ${cut.map(({ image }) => image.head.pid).join(", ")}`,
            why: "its recording was not finished: it was killed, runs still, or became a program that valgrind may not follow",
            mend: null,
          },
        ]),
    ...[...new Map(images.map((known) => [known.image.head.pid, known])).values()]
      .filter(({ preloaded, image }) => !preloaded && image.head.pid !== end.pid)
      .map(({ executable, image }) => ({
        what: `heap blocks of process ${image.head.pid} (${executable ?? "unknown"})`,
        why: "it is linked statically, so that valgrind cannot replace its allocator",
        mend: null,
      })),
    ...(end.outcome.signal === "SIGKILL" && !end.outcome.timedOut && end.stopped !== true
      ? [
          {
            what: "who sent SIGKILL, and why",
            why: "the kernel tells nobody; most often it was the out-of-memory killer, as valgrind needs several times the memory",
            mend: "dmesg | grep -i 'killed process'",
          },
        ]
      : []),
  ];
}

function roomSpots(room: Room): BlindSpots {
  return room.over === 0
    ? []
    : [
        {
          what: `${room.over} more errors`,
          why: "only the first thousands of a run are kept",
          mend: "mend the first ones, and run it again",
        },
      ];
}
