/**
 * The black box as native/include/blackbox.h lays it out: sizes, offsets and numbers, by the names of the header in camel case. A test
 * compares all of it with what the compiler says (native/test/print_layout.c).
 */

export const constants = {
  boxVersion: 1,
  boxHeader: 4096,
  recordMark: 0xb0c5,
  counters: 32,
  changedShown: 16,
  registers: 23,
  threadName: 16,
  indexFault: 255,
} as const;

/** "FFIDBOX1", the first eight bytes. */
export const MAGIC = "FFIDBOX1";

export const structs = {
  boxHeader: {
    size: 400,
    at: {
      magic: 0,
      version: 8,
      headerSize: 12,
      pid: 16,
      parentPid: 20,
      image: 24,
      pageSize: 28,
      realtime: 32,
      monotonic: 40,
      ticks: 48,
      lastMonotonic: 56,
      lastTicks: 64,
      journalUsed: 72,
      journalRoom: 80,
      dropped: 88,
      firstStack: 96,
      forkedFromPid: 100,
      forkedFromImage: 104,
      heapMode: 108,
      stacksMode: 112,
      guardRung: 116,
      allocFill: 120,
      freeFill: 121,
      canary: 122,
      signalsOn: 123,
      heapLow: 128,
      heapHigh: 136,
      counters: 144,
    },
  },
  record: { size: 24, at: { size: 0, kind: 4, mark: 6, monotonic: 8, tid: 16, sequence: 20 } },
  process: { size: 32, at: { executableSize: 24, argumentsSize: 28, text: 32 } },
  module: {
    size: 96,
    at: { id: 24, flags: 28, base: 32, low: 40, high: 48, buildIdSize: 56, pathSize: 60, buildId: 64, path: 96 },
  },
  moduleGone: { size: 32, at: { id: 24 } },
  stack: { size: 40, at: { id: 24, count: 28, flags: 32, end: 36, pcs: 40 } },
  block: {
    size: 80,
    at: {
      address: 0,
      size: 8,
      offset: 16,
      state: 24,
      allocFamily: 28,
      freeFamily: 30,
      allocStack: 32,
      freeStack: 36,
      allocTid: 40,
      freeTid: 44,
      allocTicks: 48,
      freeTicks: 56,
      checkedTicks: 64,
      module: 72,
      guarded: 76,
    },
  },
  changed: { size: 8, at: { offset: 0, is: 4, was: 5 } },
  heapError: {
    size: 272,
    at: {
      error: 24,
      foundAt: 28,
      address: 32,
      block: 40,
      stack: 120,
      family: 124,
      changedShown: 126,
      changedTotal: 128,
      changedLast: 136,
      changed: 144,
    },
  },
  leak: { size: 128, at: { kind: 24, stack: 28, blocks: 32, bytes: 40, example: 48 } },
  freedBy: { size: 104, at: { block: 24 } },
  signal: {
    size: 312,
    at: {
      id: 24,
      number: 28,
      code: 32,
      senderPid: 36,
      address: 40,
      handler: 48,
      handlerFlags: 56,
      disposition: 60,
      state: 64,
      parent: 68,
      blocked: 72,
      stack: 76,
      frame: 80,
      newPc: 88,
      newSp: 96,
      ended: 104,
      registers: 112,
      threadName: 296,
    },
  },
  capture: { size: 48, at: { signal: 24, part: 28, index: 32, length: 36, address: 40, bytes: 48 } },
  pointer: { size: 96, at: { value: 0, how: 8, block: 16 } },
  handler: { size: 64, at: { number: 24, flags: 28, handler: 32, mask: 40, caller: 48, found: 56 } },
  exit: { size: 40, at: { how: 24, status: 28, caller: 32 } },
  note: { size: 48, at: { code: 24, textSize: 28, a: 32, b: 40, text: 48 } },
} as const;

/** The numbers of each enum, by the names of its constants without what they all begin with. */
export const enums = {
  counter: {
    allocations: 0,
    frees: 1,
    notWatched: 2,
    liveBytes: 3,
    peakBytes: 4,
    foreignFrees: 5,
    errorsOmitted: 6,
    stacks: 7,
    stacksTruncated: 8,
    signalsBenign: 9,
    signalsOmitted: 10,
    guardFallbacks: 11,
  },
  heapMode: { off: 0, poison: 1, guard: 2 },
  stacksMode: { off: 0, caller: 1, full: 2 },
  guardRung: { none: 0, userfaultfd: 1, madvGuard: 2, mprotect: 3, fill: 4 },
  kind: {
    process: 1,
    module: 2,
    moduleGone: 3,
    stack: 4,
    heapError: 5,
    leak: 6,
    freedBy: 7,
    signal: 8,
    capture: 9,
    handler: 10,
    exit: 11,
    note: 12,
  },
  moduleFlag: { program: 1, question: 2, recorder: 4 },
  stackFlag: { exact: 1 },
  stackEnd: { outermost: 0, boundary: 1, limit: 2, noRule: 3, unreadable: 4 },
  family: { unknown: 0, malloc: 1, new: 2, newArray: 3 },
  blockState: { none: 0, live: 1, freed: 2 },
  heapErrorKind: {
    doubleFree: 1,
    invalidFree: 2,
    mismatch: 3,
    overflow: 4,
    underflow: 5,
    writeAfterFree: 6,
  },
  foundAt: { free: 1, realloc: 2, eviction: 3, sweep: 4, exit: 5, signal: 6 },
  leakKind: { definite: 1, indirect: 2 },
  signalState: { open: 0, returned: 1, redirected: 2, terminal: 3, defaulted: 4, abandoned: 5 },
  disposition: { default: 0, ignore: 1, handler: 2 },
  part: { stackBytes: 1, maps: 2, window: 3, pointer: 4, abortMessage: 5, instruction: 6, hostFrames: 7 },
  pointerHow: { whole: 1, truncated: 2 },
  exitHow: { exit: 1, now: 2, go: 3, unloaded: 4 },
  noteCode: {
    noRoomForHeap: 1,
    guardRefused: 2,
    notWatched: 3,
    importsReadOnly: 4,
    sanitized: 5,
    leaksNotLookedFor: 6,
    otherAllocator: 7,
  },
  noLeaks: { abrupt: 1, threads: 2, notAsked: 3 },
} as const;

type Enums = typeof enums;
/** The names of an enum's constants. */
export type NameOf<E extends keyof Enums> = keyof Enums[E] & string;

/** The name of a number; null for one that this version of the format does not have. */
export function nameIn<E extends keyof Enums>(which: E, number: number): NameOf<E> | null {
  for (const [name, value] of Object.entries(enums[which])) {
    if (value === number) {
      return name as NameOf<E>;
    }
  }
  return null;
}
