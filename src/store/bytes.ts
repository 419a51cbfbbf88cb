import { copyMemory, type RawBytes, type StoreFunctions } from "./abi.js";
import type { Bytes } from "./types.js";

/** A copy: an asynchronous call reads it after its caller went on. */
export function ownCopy(input: Bytes): Buffer {
  return typeof input === "string" ? Buffer.from(input, "utf8") : Buffer.from(input);
}

/** Good for a call that is over when it returns. */
export function borrow(input: Bytes): Uint8Array {
  return typeof input === "string" ? Buffer.from(input, "utf8") : input;
}

/** Copies what the library gave out and gives it back at once: it allocated, it frees. */
export function takeBytes(functions: Pick<StoreFunctions, "freeBytes">, raw: Partial<RawBytes>): Buffer {
  const { ptr, len } = raw;
  if (ptr === null || ptr === undefined || len === undefined) {
    return Buffer.alloc(0);
  }
  try {
    return copyMemory(ptr, Number(len));
  } finally {
    functions.freeBytes({ ptr, len });
  }
}

/** Gives back what nobody wants to read. */
export function discardBytes(functions: Pick<StoreFunctions, "freeBytes">, raw: Partial<RawBytes>): void {
  const { ptr, len } = raw;
  if (ptr !== null && ptr !== undefined && len !== undefined) {
    functions.freeBytes({ ptr, len });
  }
}
