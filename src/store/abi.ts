import koffi from "koffi";

/** 64 bits; koffi gives a bigint for what a number cannot hold. */
export type Handle = number | bigint;
export type Status = number;

/** `fds_bytes` as koffi sees it. */
export interface RawBytes {
  ptr: bigint | null;
  len: number | bigint;
}

export interface RawOptions {
  struct_size: number;
  flags: number;
  cache_bytes: number;
}

export interface RawStats {
  struct_size: number;
  reserved: number;
  gets: number;
  puts: number;
  deletes: number;
  scans_open: number;
  bytes_outstanding: number;
  worker_thread_id: number;
}

/** A native function: called at once on this thread, or with `async` on a thread of koffi's pool. */
export interface Native<A extends unknown[], R = Status> {
  (...args: A): R;
  async(...args: [...A, done: (error: Error | null, result: R) => void]): void;
}

export interface StoreFunctions {
  abiVersion: Native<[], number>;
  version: Native<[], string>;
  handshake: Native<[version: number, options: number, stats: number, bytes: number]>;
  open: Native<[path: string, options: RawOptions, store: [Handle]]>;
  close: Native<[store: Handle]>;
  put: Native<[store: Handle, key: Uint8Array, keySize: number, value: Uint8Array, valueSize: number]>;
  get: Native<[store: Handle, key: Uint8Array, keySize: number, value: Partial<RawBytes>]>;
  freeBytes: Native<[bytes: RawBytes], void>;
  delete: Native<[store: Handle, key: Uint8Array, keySize: number]>;
  scanOpen: Native<[store: Handle, prefix: Uint8Array, prefixSize: number, scan: [Handle]]>;
  scanNext: Native<[scan: Handle, key: Partial<RawBytes>, value: Partial<RawBytes>]>;
  scanClose: Native<[scan: Handle]>;
  getAsync: Native<[store: Handle, key: Uint8Array, keySize: number, callback: bigint, user: null]>;
  lastError: Native<[text: Uint8Array, capacity: number], number>;
  stats: Native<[store: Handle, stats: RawStats]>;
}

export const ABI_VERSION = 1;
export const FLAG_CREATE = 1;
export const FLAG_NO_SYNC = 2;

const bytes = koffi.struct({ ptr: koffi.pointer("uint8_t"), len: "size_t" });
const options = koffi.struct({ struct_size: "uint32_t", flags: "uint32_t", cache_bytes: "uint64_t" });
const stats = koffi.struct({
  struct_size: "uint32_t",
  reserved: "uint32_t",
  gets: "uint64_t",
  puts: "uint64_t",
  deletes: "uint64_t",
  scans_open: "uint64_t",
  bytes_outstanding: "uint64_t",
  worker_thread_id: "uint64_t",
});

// Named: koffi 3.3 refuses to register a callback whose prototype has no name.
const getCallback = koffi.pointer(koffi.proto("fds_get_callback", "void", [koffi.pointer("void"), "int32_t", bytes]));

/** The sizes that this side was written for. */
export interface Layout {
  options: number;
  stats: number;
  bytes: number;
}

export const LAYOUT: Layout = {
  options: koffi.sizeof(options),
  stats: koffi.sizeof(stats),
  bytes: koffi.sizeof(bytes),
};

export function bindFunctions(file: string): StoreFunctions {
  const library = koffi.load(file);
  const input = koffi.pointer("uint8_t");
  const output = koffi.out(koffi.pointer(bytes));
  const handle = koffi.out(koffi.pointer("uint64_t"));
  return {
    abiVersion: library.func("fds_abi_version", "uint32_t", []),
    version: library.func("fds_version", "str", []),
    handshake: library.func("fds_handshake", "int32_t", ["uint32_t", "size_t", "size_t", "size_t"]),
    open: library.func("fds_open", "int32_t", ["str", koffi.pointer(options), handle]),
    close: library.func("fds_close", "int32_t", ["uint64_t"]),
    put: library.func("fds_put", "int32_t", ["uint64_t", input, "size_t", input, "size_t"]),
    get: library.func("fds_get", "int32_t", ["uint64_t", input, "size_t", output]),
    freeBytes: library.func("fds_free_bytes", "void", [bytes]),
    delete: library.func("fds_delete", "int32_t", ["uint64_t", input, "size_t"]),
    scanOpen: library.func("fds_scan_open", "int32_t", ["uint64_t", input, "size_t", handle]),
    scanNext: library.func("fds_scan_next", "int32_t", ["uint64_t", output, output]),
    scanClose: library.func("fds_scan_close", "int32_t", ["uint64_t"]),
    getAsync: library.func("fds_get_async", "int32_t", [
      "uint64_t",
      input,
      "size_t",
      getCallback,
      koffi.pointer("void"),
    ]),
    lastError: library.func("fds_last_error", "size_t", [koffi.out(koffi.pointer("uint8_t")), "size_t"]),
    stats: library.func("fds_stats_get", "int32_t", ["uint64_t", koffi.inout(koffi.pointer(stats))]),
  };
}

export type GetCallback = (user: bigint | null, status: Status, value: RawBytes) => void;

/** Hands a function to native code. The slot is leaked unless `unregisterCallback` is called, once. */
export function registerCallback(callback: GetCallback): bigint {
  return koffi.register(callback, getCallback);
}

export function unregisterCallback(callback: bigint): void {
  koffi.unregister(callback);
}

/** Copies native memory. */
export function copyMemory(pointer: bigint, size: number): Buffer {
  const copy = koffi.decode(pointer, "uint8_t", size) as Uint8Array<ArrayBuffer>;
  return Buffer.from(copy.buffer, copy.byteOffset, copy.byteLength);
}
