import type { Handle, RawBytes, StoreFunctions } from "./abi.js";
import { borrow, discardBytes, ownCopy, takeBytes } from "./bytes.js";
import { type Connection, inPool } from "./connection.js";
import { STATUS } from "./errors.js";
import type { Bytes, Entry } from "./types.js";

interface Owned {
  functions: StoreFunctions;
  handle: Handle;
}

// A scan that was dropped in mid-course: no loop left it, nobody called return().
const leaked = new FinalizationRegistry<Owned>(({ functions, handle }) => {
  functions.scanClose(handle);
});

/** One native iterator. Closed by whoever opened it, in a `finally`. */
export class NativeScan {
  readonly #connection: Connection;
  readonly #handle: Handle;

  private constructor(connection: Connection, handle: Handle) {
    this.#connection = connection;
    this.#handle = handle;
    leaked.register(this, { functions: connection.functions, handle }, this);
  }

  static openNow(connection: Connection, prefix: Bytes): NativeScan {
    const scan: [Handle] = [0];
    const bytes = borrow(prefix);
    connection.now("scan", (store) => connection.functions.scanOpen(store, bytes, bytes.length, scan));
    return new NativeScan(connection, scan[0]);
  }

  static async openLater(connection: Connection, prefix: Bytes): Promise<NativeScan> {
    const scan: [Handle] = [0];
    const bytes = ownCopy(prefix);
    await connection.later("scan", (store) =>
      inPool("scan", connection.functions.scanOpen, store, bytes, bytes.length, scan),
    );
    return new NativeScan(connection, scan[0]);
  }

  /** null at the end. */
  nextNow(): Entry | null {
    const key: Partial<RawBytes> = {};
    const value: Partial<RawBytes> = {};
    const status = this.#connection.now("scan", () => this.#connection.functions.scanNext(this.#handle, key, value));
    return this.#entry(status, key, value);
  }

  async nextLater(): Promise<Entry | null> {
    const key: Partial<RawBytes> = {};
    const value: Partial<RawBytes> = {};
    const status = await this.#connection.later("scan", () =>
      inPool("scan", this.#connection.functions.scanNext, this.#handle, key, value),
    );
    return this.#entry(status, key, value);
  }

  /** Also after the store was closed: an iterator outlives it. It never waits for the store's thread. */
  close(): void {
    if (leaked.unregister(this)) {
      this.#connection.functions.scanClose(this.#handle);
    }
  }

  #entry(status: number, key: Partial<RawBytes>, value: Partial<RawBytes>): Entry | null {
    if (status === STATUS.end) {
      return null;
    }
    const { functions } = this.#connection;
    let copy: Buffer;
    try {
      copy = takeBytes(functions, key);
    } catch (error) {
      discardBytes(functions, value);
      throw error;
    }
    return { key: copy, value: takeBytes(functions, value) };
  }
}
