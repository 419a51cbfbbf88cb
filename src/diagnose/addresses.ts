import type { Crash, MapEntry } from "../model/crash.js";

/** Bytes below this are never mapped on Linux by default (vm.mmap_min_addr is 64 KiB). */
export const NULL_PAGE = 0x10000n;

/** How far a field may lie from the start of a structure or array element, in bytes, for its pointer still to be recognised. */
export const FIELD = 0x1000n;

/** What fills memory with a byte so that its state shows. Sources: jemalloc(3) opt.junk, glibc mallopt(3) M_PERTURB, MSVC's CRT, MariaDB TRASH_ALLOC, Linux poison.h. */
const FILLS: Record<string, string> = {
  "5a": "jemalloc's fill of freed memory",
  a5: "jemalloc's fill of memory that was allocated and not yet written",
  "8f": "MariaDB's fill of freed memory (TRASH_FREE)",
  cd: "a debug allocator's fill of memory not yet written (MSVC)",
  dd: "a debug allocator's fill of freed memory (MSVC, CPython's debug allocator)",
  fd: "a debug allocator's guard bytes (MSVC, CPython's debug allocator)",
  cb: "CPython's fill of memory not yet written in its older debug allocator",
  db: "CPython's fill of freed memory in its older debug allocator",
  "6b": "the fill of freed memory that Linux and several allocators use",
  df: "a fill of freed memory (glibc's under --with malloc-check, OpenBSD's, mimalloc's)",
  be: "ASan's fill of memory not yet written",
  aa: "a fill pattern (Swift, Zig's undefined)",
};
const WORDS: Record<string, string> = {
  deadbeef: "a marker for freed or unset memory",
  feeefeee: "a debug allocator's mark on freed memory (Windows heap)",
  baadf00d: "a debug allocator's mark on memory not yet written",
  deaddead: "a marker for freed memory",
  abadcafe: "a debug allocator's mark",
};

export interface Poison {
  pattern: string;
  meaning: string;
}

/** Whether a value, or the pointer that it is a field of, is a repeated fill pattern. Two bytes of eight may be off for a field's offset. */
export function poisonOf(value: string): Poison | null {
  const digits = BigInt(value).toString(16).padStart(16, "0");
  const high = digits.slice(0, 12);
  const byte = digits.slice(0, 2);
  if (FILLS[byte] !== undefined && high === byte.repeat(6) && near(BigInt(value), BigInt(`0x${byte.repeat(8)}`))) {
    return { pattern: `0x${byte.repeat(8)}`, meaning: FILLS[byte] };
  }
  const word = digits.slice(0, 8);
  if (WORDS[word] !== undefined && near(BigInt(value), BigInt(`0x${word.repeat(2)}`))) {
    return { pattern: `0x${word.repeat(2)}`, meaning: WORDS[word] };
  }
  // 32 bits of a pattern, in a program that keeps a 32-bit handle or offset.
  const low = digits.slice(8);
  const lowByte = low.slice(0, 2);
  if (digits.startsWith("00000000") && FILLS[lowByte] !== undefined && low === lowByte.repeat(4)) {
    return { pattern: `0x${low}`, meaning: FILLS[lowByte] };
  }
  return null;
}

function near(a: bigint, b: bigint): boolean {
  const distance = a > b ? a - b : b - a;
  return distance <= FIELD;
}

/** The values that may be the bad pointer: the register that the instruction used, then the address itself. */
export function suspects(crash: Crash): string[] {
  const { access } = crash;
  return [access?.base?.value, access?.address].filter((value): value is string => typeof value === "string");
}

export function mapAt(maps: readonly MapEntry[], value: bigint): MapEntry | undefined {
  return maps.find(({ start, end }) => BigInt(start) <= value && value < BigInt(end));
}

/** Bits 63 to 47 alike: the only addresses that x86-64 has with four-level paging (Intel SDM vol. 1, 3.3.7.1). */
export function isCanonical(value: bigint): boolean {
  const top = BigInt.asUintN(64, value) >> 47n;
  return top === 0n || top === (1n << 17n) - 1n;
}

/** "it lies between libfoo.so (ends 0x7f..) and [stack] (begins 0x7ff..)". */
export function whereIs(crash: Crash): string | null {
  const { region } = crash;
  if (region === null) {
    return null;
  }
  if (region.inside !== null) {
    return `it lies in ${mapName(region.inside)} (${region.inside.perms}, ${region.inside.start}-${region.inside.end})`;
  }
  const below =
    region.below === null ? "the start of memory" : `${mapName(region.below)} (ends at ${region.below.end})`;
  const above =
    region.above === null ? "the end of memory" : `${mapName(region.above)} (begins at ${region.above.start})`;
  return `nothing is mapped there: it lies between ${below} and ${above}`;
}

export function mapName(map: MapEntry): string {
  return map.path === null ? "anonymous memory" : (map.path.split("/").at(-1) ?? map.path);
}
