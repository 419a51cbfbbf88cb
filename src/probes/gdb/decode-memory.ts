import type { Crash, MapEntry, MemoryWindow, Region } from "../../model/crash.js";
import type { RawOf } from "./records.js";

/** A stack that has run over is looked for this far below its mapping, in bytes: a frame may skip the guard page. */
const BELOW_STACK = 1n << 20n;

export function decodeMaps(rows: RawOf<"maps">["rows"]): MapEntry[] {
  return rows.map(([start, end, perms, offset, path]) => ({
    start,
    end,
    perms,
    offset,
    path: path === "" ? null : path,
  }));
}

/** Where an address lies among the maps, which are in address order (proc(5)). */
export function regionOf(address: string, maps: readonly MapEntry[]): Region {
  const at = BigInt(address);
  const inside = maps.find((map) => BigInt(map.start) <= at && at < BigInt(map.end)) ?? null;
  if (inside !== null) {
    return { inside, below: null, above: null };
  }
  return {
    inside: null,
    below: maps.findLast((map) => BigInt(map.end) <= at) ?? null,
    above: maps.find((map) => BigInt(map.start) > at) ?? null,
  };
}

export function decodeMemory(
  rows: RawOf<"memory">["rows"],
  registers: Registers,
  maps: readonly MapEntry[],
): MemoryWindow[] {
  return rows.flatMap(([register, start, bytes]) => {
    const value = registers.find(({ name }) => name === register)?.value;
    return value === undefined ? [] : [{ register, value, region: regionOf(value, maps), start, bytes }];
  });
}

type Registers = Crash["registers"];

/** The mapping that the stack pointer lies in, or right above it when the stack has run over its end. */
export function stackBounds(registers: Registers, maps: readonly MapEntry[]): Crash["stackBounds"] {
  const stackPointer = registers.find(({ name }) => name === "rsp" || name === "sp")?.value;
  if (stackPointer === undefined) {
    return null;
  }
  const at = BigInt(stackPointer);
  const writable = maps.filter((map) => map.perms.startsWith("rw"));
  const map =
    writable.find(({ start, end }) => BigInt(start) <= at && at < BigInt(end)) ??
    writable.find(({ start }) => BigInt(start) > at && BigInt(start) - at <= BELOW_STACK);
  return map === undefined ? null : { low: map.start, high: map.end, stackPointer };
}
