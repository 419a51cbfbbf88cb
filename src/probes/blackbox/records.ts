import type { NameOf } from "./layout.js";

/** What every record begins with. */
interface Head {
  /** CLOCK_MONOTONIC, nanoseconds. */
  monotonic: bigint;
  tid: number;
  /** Its place among the records of its box. */
  order: number;
}

export interface ProcessRecord extends Head {
  executable: string | null;
  command: string[];
}

export interface ModuleRecord extends Head {
  id: number;
  program: boolean;
  inQuestion: boolean;
  recorder: boolean;
  base: bigint;
  low: bigint;
  high: bigint;
  /** Lower-case hex; null where the file has none. */
  buildId: string | null;
  /** Empty for the vdso. */
  path: string;
}

export interface ModuleGoneRecord extends Head {
  id: number;
}

export interface StackRecord extends Head {
  id: number;
  /** The first is the pc of an instruction; all others are return addresses. */
  exact: boolean;
  end: NameOf<"stackEnd"> | null;
  pcs: bigint[];
}

export interface Block {
  address: bigint;
  size: bigint;
  /** Of the address in question, in bytes. */
  offset: bigint;
  state: NameOf<"blockState"> | null;
  allocFamily: NameOf<"family"> | null;
  freeFamily: NameOf<"family"> | null;
  allocStack: number;
  freeStack: number;
  allocTid: number;
  freeTid: number;
  allocTicks: bigint;
  freeTicks: bigint;
  checkedTicks: bigint;
  module: number;
  guarded: boolean;
}

export interface ChangedByte {
  /** From the block's first byte. */
  offset: number;
  is: number;
  was: number;
}

export interface HeapErrorRecord extends Head {
  error: NameOf<"heapErrorKind"> | null;
  foundAt: NameOf<"foundAt"> | null;
  address: bigint;
  block: Block;
  stack: number;
  family: NameOf<"family"> | null;
  changed: ChangedByte[];
  changedTotal: bigint;
  changedLast: bigint;
}

export interface LeakRecord extends Head {
  kind: NameOf<"leakKind"> | null;
  stack: number;
  blocks: bigint;
  bytes: bigint;
  example: Block;
}

export interface FreedByRecord extends Head {
  block: Block;
}

export interface SignalRecord extends Head {
  id: number;
  number: number;
  code: number;
  senderPid: number;
  address: bigint;
  handler: bigint;
  handlerFlags: number;
  disposition: NameOf<"disposition"> | null;
  state: NameOf<"signalState"> | null;
  parent: number;
  blocked: boolean;
  stack: number;
  /** In the order of ucontext's gregs (sys/ucontext.h). */
  registers: bigint[];
  threadName: string;
}

export interface CaptureRecord extends Head {
  signal: number;
  part: NameOf<"part"> | null;
  index: number;
  address: bigint;
  bytes: Buffer;
}

export interface Pointer {
  value: bigint;
  how: NameOf<"pointerHow"> | null;
  block: Block;
}

export interface HandlerRecord extends Head {
  number: number;
  flags: number;
  handler: bigint;
  caller: bigint;
  /** Installed by a system call of its own, and found later. */
  found: boolean;
}

export interface ExitRecord extends Head {
  how: NameOf<"exitHow"> | null;
  status: number;
  caller: bigint;
}

export interface NoteRecord extends Head {
  code: NameOf<"noteCode"> | null;
  a: bigint;
  b: bigint;
  text: string;
}

export interface BoxHeader {
  pid: number;
  parentPid: number;
  image: number;
  realtime: bigint;
  monotonic: bigint;
  ticks: bigint;
  lastMonotonic: bigint;
  lastTicks: bigint;
  dropped: bigint;
  firstStack: number;
  /** The box that this one's process was forked from. */
  forkedFrom: { pid: number; image: number } | null;
  heapMode: NameOf<"heapMode"> | null;
  stacksMode: NameOf<"stacksMode"> | null;
  guardRung: NameOf<"guardRung"> | null;
  allocFill: number;
  freeFill: number;
  signalsOn: boolean;
  heapLow: bigint;
  heapHigh: bigint;
  counters: Record<NameOf<"counter">, bigint>;
}

/** One program image of one process. */
export interface Box {
  header: BoxHeader;
  processes: ProcessRecord[];
  modules: ModuleRecord[];
  modulesGone: ModuleGoneRecord[];
  stacks: Map<number, StackRecord>;
  heapErrors: HeapErrorRecord[];
  leaks: LeakRecord[];
  freedBy: FreedByRecord[];
  signals: SignalRecord[];
  captures: CaptureRecord[];
  handlers: HandlerRecord[];
  exits: ExitRecord[];
  notes: NoteRecord[];
  /** Stretches of the journal that are no records. */
  damaged: number;
  /** Records that were being written when the process ended. */
  torn: number;
}
