import type { Handle, Native, StoreFunctions } from "./abi.js";
import { errorOf, STATUS, StoreBusyError, StoreClosedError } from "./errors.js";
import { checkNow } from "./library.js";

/**
 * One native handle and the order of its calls. Promise calls of a store run one after the other, in the order in which they were made: the
 * store has one thread anyway, and calls that overtake each other in koffi's pool would make `put` then `get` a race.
 */
export class Connection {
  readonly functions: StoreFunctions;
  readonly #handle: Handle;
  #pending = 0;
  #tail: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | null = null;

  constructor(functions: StoreFunctions, handle: Handle) {
    this.functions = functions;
    this.#handle = handle;
  }

  /** Calls on this thread and returns the status, which is no failure. */
  now(operation: string, call: (handle: Handle) => number): number {
    this.#assertOpen(operation);
    this.#assertIdle(operation);
    return checkNow(this.functions, operation, call(this.#handle));
  }

  /** Runs a job when all earlier ones are done. */
  async later<T>(operation: string, job: (handle: Handle) => Promise<T>): Promise<T> {
    this.#assertOpen(operation);
    return await this.#enqueue(job);
  }

  closeNow(): void {
    if (this.#closed !== null) {
      return;
    }
    this.#assertIdle("close");
    this.#closed = Promise.resolve();
    checkNow(this.functions, "close", this.functions.close(this.#handle));
  }

  /** Refuses new calls at once, and closes when the pending ones are done. Any later call returns the first one's promise. */
  closeLater(): Promise<void> {
    this.#closed ??= this.#enqueue(async (handle) => {
      await inPool("close", this.functions.close, handle);
    });
    return this.#closed;
  }

  async #enqueue<T>(job: (handle: Handle) => Promise<T>): Promise<T> {
    this.#pending++;
    const result = this.#tail.then(() => job(this.#handle));
    this.#tail = result.then(
      () => this.#pending--,
      () => this.#pending--,
    );
    return await result;
  }

  #assertOpen(operation: string): void {
    if (this.#closed !== null) {
      throw new StoreClosedError(operation, STATUS.closed, "the store is closed");
    }
  }

  #assertIdle(operation: string): void {
    if (this.#pending > 0) {
      throw new StoreBusyError(operation);
    }
  }
}

/** Calls on a thread of koffi's pool. The library's own words for a failure stay on that thread, so the error has the status's. */
export function inPool<A extends unknown[]>(operation: string, native: Native<A>, ...args: A): Promise<number> {
  return new Promise((resolve, reject) => {
    native.async(...args, (error, status) => {
      if (error !== null && error !== undefined) {
        reject(error);
      } else if (status < STATUS.ok) {
        reject(errorOf(operation, status, null));
      } else {
        resolve(status);
      }
    });
  });
}
