/** What a store takes as key or value; strings are UTF-8. The bytes are copied, and the caller's to change as soon as the call returns. */
export type Bytes = string | Uint8Array;

export interface StoreOptions {
  /** Make the file when it is missing; default true. */
  create?: boolean;
  /** Wait for the disk at each commit; default true. Without it a crash of the machine may lose the last puts. */
  sync?: boolean;
  /** Page cache; 0, the default, leaves it to the library. */
  cacheBytes?: number;
  /** The shared library's file. Without it and `variant`: FFI_DOCTOR_STORE_LIBRARY, else this package's own healthy build. */
  library?: string;
  /** One of this package's own builds. */
  variant?: string;
}

export interface Entry {
  key: Buffer;
  value: Buffer;
}

export interface StoreStats {
  gets: number;
  puts: number;
  deletes: number;
  scansOpen: number;
  bytesOutstanding: number;
  /** The kernel's id of the store's own thread. */
  workerThreadId: number;
}
