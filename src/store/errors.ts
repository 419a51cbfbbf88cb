export const STATUS = {
  ok: 0,
  notFound: 1,
  end: 2,
  invalidArgument: -1,
  invalidHandle: -2,
  abiMismatch: -3,
  storage: -4,
  panic: -5,
  closed: -6,
} as const;

/** A call that the store refused or could not do. */
export class StoreError extends Error {
  /** The library's status; null when the call was refused before the library was asked. */
  readonly status: number | null;
  readonly operation: string;

  constructor(operation: string, status: number | null, text: string) {
    super(`${operation}: ${text}`);
    this.name = new.target.name;
    this.status = status;
    this.operation = operation;
  }
}

export class InvalidArgumentError extends StoreError {}
export class InvalidHandleError extends StoreError {}
/** The library was built for another version of this interface. */
export class AbiMismatchError extends StoreError {}
export class StorageError extends StoreError {}
/** A bug of the library, which it caught before it could cross. */
export class LibraryPanicError extends StoreError {}
export class StoreClosedError extends StoreError {}

/**
 * A synchronous call while a promise of the same store is pending. The store's thread may be waiting for this JavaScript thread to take a
 * result; waiting for it in turn would be for ever.
 */
export class StoreBusyError extends StoreError {
  constructor(operation: string) {
    super(operation, null, "an asynchronous call of this store is pending; await it, or use the promise variant");
  }
}

const CLASSES = new Map<number, { type: typeof StoreError; text: string }>([
  [STATUS.invalidArgument, { type: InvalidArgumentError, text: "invalid argument" }],
  [STATUS.invalidHandle, { type: InvalidHandleError, text: "the handle is not open" }],
  [STATUS.abiMismatch, { type: AbiMismatchError, text: "the library speaks another version of this interface" }],
  [STATUS.storage, { type: StorageError, text: "the storage failed" }],
  [STATUS.panic, { type: LibraryPanicError, text: "an internal error of the library" }],
  [STATUS.closed, { type: StoreClosedError, text: "the store is closed" }],
]);

/**
 * The error of a failed status. `text` is the library's own; it keeps that per thread, so after a call on koffi's thread pool there is none,
 * and the status has to speak for itself.
 */
export function errorOf(operation: string, status: number, text: string | null): StoreError {
  const known = CLASSES.get(status) ?? { type: StoreError, text: `unknown status ${status}` };
  return new known.type(operation, status, text === null || text === "" ? known.text : text);
}
