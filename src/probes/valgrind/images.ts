import type { CheckerError } from "../../model/checker-error.js";
import type { Frame, Stack, StackRole } from "../../model/frame.js";
import { type Faults, standsOn } from "./faults.js";
import { decodeFrames } from "./frames.js";
import { leakKind, meaningOf } from "./mistakes.js";
import { mayFault, type Noise, noiseOf } from "./noise.js";
import { CALLERS } from "./plan.js";
import type { RawError, RawFatal, RawFrame, RawHead, XmlSink } from "./records.js";
import { atTheFault, endedBy, isCrash, sameDeath, withSignal } from "./signals.js";

/** Of one step, at most so many errors and frames are kept; all are counted. */
const MOST_ERRORS = 1000;
const MOST_FRAMES = 30_000;

/** Errors whose later counts are looked for: far more than valgrind ever tells apart, and few enough to be held. */
const MOST_UNIQUES = 20_000;

/** One program as one process executed it. */
export interface Image {
  head: RawHead;
  errors: CheckerError[];
  /** The signal that ended it. */
  fatal: RawFatal | null;
  finished: boolean;
  /** The document is whole. */
  ended: boolean;
}

/**
 * What is left of the room for errors, over all files of a step. Those of a runtime alone have a room of their own, so that a JVM's
 * thousands do not crowd out the one that matters; and so have leaks, of which each process that was killed tells thousands.
 */
export interface Room {
  own: { errors: number; frames: number };
  runtime: { errors: number; frames: number };
  leaks: { errors: number; frames: number };
  /** Errors that found none. */
  over: number;
  noise: Record<Noise, number>;
}

export function newRoom(): Room {
  const room = { errors: MOST_ERRORS, frames: MOST_FRAMES };
  return {
    own: { ...room },
    runtime: { ...room },
    leaks: { ...room },
    over: 0,
    noise: { linker: 0, probe: 0, handler: 0, trap: 0 },
  };
}

/** The distribution's files, a JDK's among them; valgrind's own; and code that is in no file. */
const DISTRIBUTION = /^\/(usr\/)?(lib|lib32|lib64|libx32|libexec)\//;
const PRELOADED = /\/vgpreload_/;

/** An error that is kept, and what of its raw form later records refer to. */
interface Kept {
  error: CheckerError;
  uniques: Map<string, number>;
}

interface Open {
  image: Image;
  /** By the innermost instruction. */
  at: Map<string, Kept>;
  alike: Map<string, Kept>;
  byUnique: Map<string, Kept>;
  /** Instructions that touched what is not there. */
  faults: Set<string>;
}

/** Gathers the images of one file. A second document inside the first is of a process that was forked off it. */
export class Images implements XmlSink {
  readonly images: Image[] = [];
  private readonly open: Open[] = [];
  /** Of the process whose file it is, until its head says so. */
  private readonly pid: number;
  private readonly room: Room;
  private readonly stackOverflow: boolean;
  /** Whether anybody asked for leaks. */
  private readonly leaks: boolean;

  /** What handlers took. */
  private readonly faults: Faults;

  constructor(pid: number, room: Room, how: { stackOverflow: boolean; leaks: boolean; faults: Faults }) {
    this.pid = pid;
    this.leaks = how.leaks;
    this.faults = how.faults;
    this.room = room;
    this.stackOverflow = how.stackOverflow;
  }

  begins(): void {
    this.start();
  }

  head(head: RawHead): void {
    this.current().image.head = head;
  }

  error(raw: RawError): void {
    if (raw.leak !== null && !this.leaks) {
      return;
    }
    const open = this.current();
    const kept = this.keep(open, raw);
    if (kept !== null) {
      kept.error.seen += kept.uniques.size > 0 ? 1 : 0;
      if (open.byUnique.size < MOST_UNIQUES) {
        kept.uniques.set(raw.unique, 1);
        open.byUnique.set(raw.unique, kept);
      }
    }
  }

  fatal(raw: RawFatal): void {
    const open = this.current();
    open.image.fatal = raw;
    if (!isCrash(raw)) {
      return;
    }
    const known = sameDeath(raw, open.at, open.faults, open.image.errors);
    if (known !== null) {
      withSignal(known, raw);
    } else {
      const death = atTheFault(raw, this.faults.under(open.image.head.pid, raw.tid, raw.frames));
      this.admit(open, {
        ...bare(open.image.head, raw),
        ...endedBy(death, this.stackOverflow),
        stacks: [stackOf("fault", raw, death.frames)],
        fatal: true,
      });
    }
  }

  count(unique: string, seen: number): void {
    const kept = this.open.at(-1)?.byUnique.get(unique);
    if (kept !== undefined) {
      const before = kept.uniques.get(unique) ?? 0;
      kept.uniques.set(unique, Math.max(before, seen));
      kept.error.seen += Math.max(0, seen - before);
    }
  }

  finished(): void {
    this.current().image.finished = true;
  }

  ends(): void {
    const open = this.open.pop();
    if (open !== undefined) {
      open.image.ended = true;
    }
  }

  private current(): Open {
    return this.open.at(-1) ?? this.start();
  }

  private start(): Open {
    const image = emptyImage(this.images.length === 0 ? this.pid : 0);
    const open = { image, at: new Map(), alike: new Map(), byUnique: new Map(), faults: new Set<string>() };
    this.images.push(image);
    this.open.push(open);
    return open;
  }

  /** The error as one of the report, or the one that it is alike to; null where there is no more room. */
  private keep(open: Open, raw: RawError): Kept | null {
    const error = decodeError(open.image.head, raw);
    const noise = noiseOf(error, raw, { faults: open.faults, inHandler: this.isInHandler(open, raw) });
    if (noise !== null) {
      this.room.noise[noise] += 1;
      return null;
    }
    const key = loopKey(error);
    const alike = key === null ? undefined : open.alike.get(key);
    const first = raw.parts[0]?.frames[0]?.ip;
    if (first !== undefined && mayFault(error)) {
      open.faults.add(first);
    }
    if (alike !== undefined) {
      if (first !== undefined) {
        open.at.set(first, alike);
      }
      return alike;
    }
    if (!this.admit(open, error)) {
      return null;
    }
    const kept: Kept = { error, uniques: new Map() };
    if (first !== undefined && error.mistake !== "leak") {
      open.at.set(first, kept);
    }
    if (key !== null) {
      open.alike.set(key, kept);
    }
    return kept;
  }

  /** Whether an error was made in a handler that an earlier fault had called. */
  private isInHandler({ image, faults }: Open, { tid, parts }: RawError): boolean {
    const frames = parts[0]?.frames ?? [];
    return standsOn(frames, faults) !== null || this.faults.under(image.head.pid, tid, frames) !== null;
  }

  private admit(open: Open, error: CheckerError): boolean {
    const frames = error.stacks.flatMap((stack) => stack.frames);
    const plain = frames.every(({ module }) => module === null || DISTRIBUTION.test(module));
    const room = error.mistake === "leak" ? this.room.leaks : plain ? this.room.runtime : this.room.own;
    if (room.errors < 1 || room.frames < frames.length) {
      this.room.over += 1;
      return false;
    }
    room.errors -= 1;
    room.frames -= frames.length;
    open.image.errors.push(error);
    return true;
  }
}

/** Of a process of which no more is known. */
export function emptyImage(pid: number): Image {
  const head: RawHead = { pid, parent: null, tool: "", version: null, command: [] };
  return { head, errors: [], fatal: null, finished: false, ended: false };
}

function decodeError(head: RawHead, raw: RawError): CheckerError {
  const { mistake, access, block, roles } = meaningOf(raw);
  const said = raw.parts.map(({ text }) => text).filter((text) => text !== "");
  return {
    ...bare(head, raw),
    kind: raw.kind,
    text: [said[0], ...said.slice(1).filter((text) => /^(Address|Location)/.test(text))].join(". "),
    mistake,
    access,
    block,
    leak: raw.leak === null ? null : { ...raw.leak, kind: leakKind(raw.kind) },
    // A sentence without a stack of its own is in the text already.
    stacks: raw.parts.flatMap(({ frames }, i) =>
      frames.length === 0 ? [] : [stackOf(roles[i] ?? "call", raw, frames)],
    ),
  };
}

function bare(head: RawHead, of: { tid: number | null; threadName: string | null }): CheckerError {
  return {
    probe: "valgrind",
    checker: `${head.tool || "memcheck"}${head.version === null ? "" : ` ${head.version}`}`,
    kind: "",
    text: "",
    mistake: "other",
    pid: head.pid,
    command: head.command,
    executable: null,
    hostRuntime: "unknown",
    tid: of.tid,
    threadName: of.threadName,
    access: null,
    block: null,
    signal: null,
    leak: null,
    stacks: [],
    seen: 1,
    fatal: false,
  };
}

function stackOf(role: StackRole, of: Pick<RawError, "tid" | "threadName">, raw: readonly RawFrame[]): Stack {
  const frames = decodeFrames(raw);
  const full = frames.filter(({ kind }) => kind !== "inlined").length >= CALLERS;
  return { role, thread: threadOf(of), frames, truncated: full ? `valgrind was asked for ${CALLERS} frames` : null };
}

/** valgrind numbers threads from 1 on. */
function threadOf({ tid, threadName }: { tid: number | null; threadName: string | null }): string {
  return `${tid ?? "?"}${threadName === null ? "" : ` ${threadName}`}`;
}

/**
 * One loop over a block gives an error for each instruction and each address that memcheck tells apart: they are one, with one function
 * and one block. Null where no block is known.
 */
function loopKey(error: CheckerError): string | null {
  const start = error.block?.address ?? null;
  const site = placeOf(error.stacks[0]?.frames ?? []);
  if (start === null || site === null) {
    return null;
  }
  return [error.mistake, error.access?.kind ?? "", start, site].join("\n");
}

/** The innermost function that has a frame of its own and is not valgrind's. */
function placeOf(frames: readonly Frame[]): string | null {
  const site = frames.find(({ kind, module }) => kind !== "inlined" && !PRELOADED.test(module ?? ""));
  return site === undefined ? null : `${site.module ?? ""}!${site.function ?? site.pc}`;
}
