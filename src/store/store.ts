import {
  FLAG_CREATE,
  FLAG_NO_SYNC,
  type Handle,
  LAYOUT,
  type RawBytes,
  type RawOptions,
  type RawStats,
} from "./abi.js";
import { getInBackground } from "./background-get.js";
import { borrow, ownCopy, takeBytes } from "./bytes.js";
import { Connection, inPool } from "./connection.js";
import { InvalidArgumentError, STATUS } from "./errors.js";
import { checkNow, loadLibrary } from "./library.js";
import { NativeScan } from "./scan.js";
import type { Bytes, Entry, StoreOptions, StoreStats } from "./types.js";

const leaked = new FinalizationRegistry<Connection>((connection) => {
  connection.closeLater().catch(() => {});
});

/**
 * An embedded key-value store. Methods that end in `Sync` do their work on this thread and refuse to run while a promise of this store is
 * pending. Promise methods run one after the other, in the order of the calls.
 */
export class Store {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
    leaked.register(this, connection, this);
  }

  static openSync(path: string, options: StoreOptions = {}): Store {
    const functions = loadLibrary(options);
    const handle: [Handle] = [0];
    checkNow(functions, "open", functions.open(checkedPath(path), rawOptions(options), handle));
    return new Store(new Connection(functions, handle[0]));
  }

  static async open(path: string, options: StoreOptions = {}): Promise<Store> {
    const functions = loadLibrary(options);
    const handle: [Handle] = [0];
    await inPool("open", functions.open, checkedPath(path), rawOptions(options), handle);
    return new Store(new Connection(functions, handle[0]));
  }

  putSync(key: Bytes, value: Bytes): void {
    const [k, v] = [borrow(key), borrow(value)];
    this.#connection.now("put", (store) => this.#connection.functions.put(store, k, k.length, v, v.length));
  }

  async put(key: Bytes, value: Bytes): Promise<void> {
    const [k, v] = [ownCopy(key), ownCopy(value)];
    await this.#connection.later("put", (store) =>
      inPool("put", this.#connection.functions.put, store, k, k.length, v, v.length),
    );
  }

  /** null when there is no such key. */
  getSync(key: Bytes): Buffer | null {
    const bytes = borrow(key);
    const raw: Partial<RawBytes> = {};
    const status = this.#connection.now("get", (store) =>
      this.#connection.functions.get(store, bytes, bytes.length, raw),
    );
    return status === STATUS.notFound ? null : takeBytes(this.#connection.functions, raw);
  }

  /** null when there is no such key. Aborting rejects at once with the signal's reason; a value that comes later is freed. */
  get(key: Bytes, options: { signal?: AbortSignal | undefined } = {}): Promise<Buffer | null> {
    const { signal } = options;
    const bytes = ownCopy(key);
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => reject(signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      const wanted = () => signal?.aborted !== true;
      this.#connection
        .later("get", async (store) =>
          wanted() ? await getInBackground(this.#connection.functions, store, bytes, wanted) : null,
        )
        .then(resolve, reject)
        .finally(() => signal?.removeEventListener("abort", onAbort));
    });
  }

  /** Whether there was such a key. */
  deleteSync(key: Bytes): boolean {
    const bytes = borrow(key);
    return (
      this.#connection.now("delete", (store) => this.#connection.functions.delete(store, bytes, bytes.length)) ===
      STATUS.ok
    );
  }

  /** Whether there was such a key. */
  async delete(key: Bytes): Promise<boolean> {
    const bytes = ownCopy(key);
    const status = await this.#connection.later("delete", (store) =>
      inPool("delete", this.#connection.functions.delete, store, bytes, bytes.length),
    );
    return status === STATUS.ok;
  }

  /** The records whose keys begin with a prefix, UTF-8, in the order of their bytes. Opened by the first step, closed when the loop is left. */
  *scanSync(prefix: Bytes = ""): Generator<Entry, void, undefined> {
    const scan = NativeScan.openNow(this.#connection, prefix);
    try {
      for (let entry = scan.nextNow(); entry !== null; entry = scan.nextNow()) {
        yield entry;
      }
    } finally {
      scan.close();
    }
  }

  async *scan(prefix: Bytes = ""): AsyncGenerator<Entry, void, undefined> {
    const scan = await NativeScan.openLater(this.#connection, prefix);
    try {
      for (let entry = await scan.nextLater(); entry !== null; entry = await scan.nextLater()) {
        yield entry;
      }
    } finally {
      scan.close();
    }
  }

  statsSync(): StoreStats {
    const raw = emptyStats();
    this.#connection.now("stats", (store) => this.#connection.functions.stats(store, raw));
    return statsOf(raw);
  }

  async stats(): Promise<StoreStats> {
    const raw = emptyStats();
    await this.#connection.later("stats", (store) => inPool("stats", this.#connection.functions.stats, store, raw));
    return statsOf(raw);
  }

  /** A second close does nothing. */
  closeSync(): void {
    this.#connection.closeNow();
    leaked.unregister(this);
  }

  /** Waits for the pending calls. Every later call but close is refused with StoreClosedError. */
  async close(): Promise<void> {
    leaked.unregister(this);
    await this.#connection.closeLater();
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function checkedPath(path: string): string {
  if (path.includes("\0")) {
    throw new InvalidArgumentError("open", null, "a path cannot contain a zero byte");
  }
  return path;
}

function rawOptions(options: StoreOptions): RawOptions {
  const flags = (options.create === false ? 0 : FLAG_CREATE) | (options.sync === false ? FLAG_NO_SYNC : 0);
  return { struct_size: LAYOUT.options, flags, cache_bytes: options.cacheBytes ?? 0 };
}

function emptyStats(): RawStats {
  const zero = { reserved: 0, gets: 0, puts: 0, deletes: 0, scans_open: 0, bytes_outstanding: 0, worker_thread_id: 0 };
  return { struct_size: LAYOUT.stats, ...zero };
}

function statsOf(raw: RawStats): StoreStats {
  return {
    gets: raw.gets,
    puts: raw.puts,
    deletes: raw.deletes,
    scansOpen: raw.scans_open,
    bytesOutstanding: raw.bytes_outstanding,
    workerThreadId: raw.worker_thread_id,
  };
}
