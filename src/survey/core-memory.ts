/** What a core has of the memory of its process. */
export interface CoreMemory {
  /** Up to `length` bytes from there; fewer, or none, where the core does not have them. */
  read(address: bigint, length: number): Buffer;
}

/** A C string of the process; null where the core has not its memory. */
export function stringAt(memory: CoreMemory, address: bigint | undefined): string | null {
  if (address === undefined || address === 0n) {
    return null;
  }
  const bytes = memory.read(address, 4096);
  return bytes.length === 0 ? null : cString(bytes, 0, bytes.length);
}

/** A C string in a field of so many bytes, which it may fill. */
export function cString(bytes: Buffer, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const stop = field.indexOf(0);
  return field.toString("utf8", 0, stop < 0 ? field.length : stop);
}
