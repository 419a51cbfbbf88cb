import { existsSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../model/errors.js";
import { ABI_VERSION, bindFunctions, LAYOUT, type Layout, type StoreFunctions } from "./abi.js";
import { AbiMismatchError, errorOf, STATUS } from "./errors.js";
import type { StoreOptions } from "./types.js";

const FILE_NAME = "libffi_doctor_store.so";
const LAST_ERROR_BYTES = 1024;

const loaded = new Map<string, StoreFunctions>();

/** Loads the library that the options or the environment name, once per file, and makes sure that both sides speak of the same structures. */
export function loadLibrary(options: Pick<StoreOptions, "library" | "variant"> = {}): StoreFunctions {
  const file = findLibrary(options);
  const before = loaded.get(file);
  if (before !== undefined) {
    return before;
  }
  const functions = load(file);
  handshake(functions, LAYOUT);
  loaded.set(file, functions);
  return functions;
}

/** Throws UserError with the way out when there is no such file. */
export function findLibrary(options: Pick<StoreOptions, "library" | "variant">): string {
  const asked =
    options.library ?? (options.variant === undefined ? process.env["FFI_DOCTOR_STORE_LIBRARY"] : undefined);
  if (asked !== undefined && asked !== "") {
    const file = resolve(asked);
    if (!existsSync(file)) {
      throw new UserError(`there is no storage library at ${file}`, {
        hint: options.library === undefined ? "mend or unset FFI_DOCTOR_STORE_LIBRARY" : "check the path",
      });
    }
    return realpathSync(file);
  }
  const variant = options.variant ?? "healthy";
  const file = join(packageRoot(), "native/build/store", variant, FILE_NAME);
  if (!existsSync(file)) {
    throw new UserError(`the storage library (${variant}) is not built: ${file} is missing`, {
      exitCode: 3,
      hint: "run npm run setup",
    });
  }
  return realpathSync(file);
}

/** The same from the sources and from the compiled files, which lie at different depths. */
function packageRoot(): string {
  for (let at = import.meta.dirname; ; at = dirname(at)) {
    if (existsSync(join(at, "package.json")) || at === dirname(at)) {
      return at;
    }
  }
}

function load(file: string): StoreFunctions {
  try {
    return bindFunctions(file);
  } catch (error) {
    throw new UserError(
      `the storage library ${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
      {
        exitCode: 3,
        hint: "run npm run setup",
        cause: error,
      },
    );
  }
}

/** Throws AbiMismatchError when the library was built with other structures than `layout`. */
export function handshake(
  functions: Pick<StoreFunctions, "abiVersion" | "handshake" | "lastError">,
  layout: Layout,
): void {
  const version = functions.abiVersion();
  if (version !== ABI_VERSION) {
    throw new AbiMismatchError(
      "handshake",
      STATUS.abiMismatch,
      `the library speaks version ${version}, this side version ${ABI_VERSION}`,
    );
  }
  checkNow(functions, "handshake", functions.handshake(ABI_VERSION, layout.options, layout.stats, layout.bytes));
}

/** For a call made on this very thread: the library keeps the text of its last error per thread. */
export function checkNow(functions: Pick<StoreFunctions, "lastError">, operation: string, status: number): number {
  if (status >= STATUS.ok) {
    return status;
  }
  const text = Buffer.alloc(LAST_ERROR_BYTES);
  const size = functions.lastError(text, text.length);
  throw errorOf(operation, status, text.toString("utf8", 0, Math.min(size, text.length - 1)));
}
