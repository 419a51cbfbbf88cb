import { type Handle, registerCallback, type StoreFunctions, unregisterCallback } from "./abi.js";
import { discardBytes, takeBytes } from "./bytes.js";
import { errorOf, STATUS } from "./errors.js";
import { checkNow } from "./library.js";

const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * A read that the store's own thread does and reports by callback. Settles when the native side is done with the callback, whether or not
 * anybody still wants the value; `wanted` is asked then, and an unwanted value is only freed.
 */
export function getInBackground(
  functions: StoreFunctions,
  handle: Handle,
  key: Uint8Array,
  wanted: () => boolean,
): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    // koffi delivers the callback by a queue that does not keep the event loop alive.
    const alive = setInterval(() => {}, LONGEST_TIMER);
    const callback = registerCallback((_user, status, value) => {
      // Not from inside of the callback: koffi still looks at its slot when this returns.
      setImmediate(() => {
        clearInterval(alive);
        unregisterCallback(callback);
      });
      try {
        if (status === STATUS.ok) {
          if (wanted()) {
            resolve(takeBytes(functions, value));
          } else {
            discardBytes(functions, value);
            resolve(null);
          }
        } else if (status === STATUS.notFound) {
          resolve(null);
        } else {
          reject(errorOf("get", status, null));
        }
      } catch (error) {
        // koffi swallows what a callback throws.
        reject(error);
      }
    });
    try {
      checkNow(functions, "get", functions.getAsync(handle, key, key.length, callback, null));
    } catch (error) {
      // Not accepted: the callback will never be called.
      clearInterval(alive);
      unregisterCallback(callback);
      reject(error);
    }
  });
}
