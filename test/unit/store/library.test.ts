import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { UserError } from "../../../src/model/errors.js";
import { twins } from "../../../src/model/vocabulary.js";
import { LAYOUT } from "../../../src/store/abi.js";
import {
  AbiMismatchError,
  errorOf,
  InvalidHandleError,
  LibraryPanicError,
  StoreClosedError,
  StoreError,
} from "../../../src/store/errors.js";
import { findLibrary, handshake, loadLibrary } from "../../../src/store/library.js";

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("the handshake", () => {
  it("agrees with the library of this package", () => {
    expect(() => handshake(loadLibrary(), LAYOUT)).not.toThrow();
  });

  it.each(["options", "stats", "bytes"] as const)("refuses another size of %s", (name) => {
    expect(() => handshake(loadLibrary(), { ...LAYOUT, [name]: LAYOUT[name] + 8 })).toThrow(AbiMismatchError);
  });

  it("refuses another version before anything else is compared", () => {
    const functions = { ...loadLibrary(), abiVersion: Object.assign(() => 2, { async: () => {} }) };
    expect(() => handshake(functions, LAYOUT)).toThrow("handshake: the library speaks version 2, this side version 1");
  });
});

describe("finding the library", () => {
  it("knows every twin", () => {
    for (const variant of twins) {
      expect(findLibrary({ variant })).toContain(`/${variant}/`);
    }
  });

  it("takes the option before the variant before the environment before the package's own", () => {
    const [library, other] = [findLibrary({ variant: "double-free" }), findLibrary({ variant: "stack-overflow" })];
    vi.stubEnv("FFI_DOCTOR_STORE_LIBRARY", other);
    expect(findLibrary({ library, variant: "healthy" })).toBe(library);
    expect(findLibrary({ variant: "healthy" })).toContain("/healthy/");
    expect(findLibrary({})).toBe(other);
    vi.stubEnv("FFI_DOCTOR_STORE_LIBRARY", "");
    expect(findLibrary({})).toContain("/healthy/");
  });

  it("says in one sentence what is missing and what to run", () => {
    expect(() => findLibrary({ variant: "no-such-twin" })).toThrow(UserError);
    expect(() => findLibrary({ variant: "no-such-twin" })).toThrow(
      expect.objectContaining({ exitCode: 3, hint: "run npm run setup" }),
    );
    vi.stubEnv("FFI_DOCTOR_STORE_LIBRARY", "/nonexistent.so");
    expect(() => findLibrary({})).toThrow(expect.objectContaining({ hint: "mend or unset FFI_DOCTOR_STORE_LIBRARY" }));
  });

  it("refuses a file that is no library of this kind", () => {
    const directory = mkdtempSync(join(tmpdir(), "ffi-doctor-store-test-"));
    const library = join(directory, "broken.so");
    writeFileSync(library, "not an ELF file");
    expect(() => loadLibrary({ library })).toThrow(UserError);
    rmSync(directory, { recursive: true });
  });
});

it("has an error class for every failed status, with words when the library has none", () => {
  expect(errorOf("get", -2, null)).toBeInstanceOf(InvalidHandleError);
  expect(errorOf("get", -5, "internal error: index")).toBeInstanceOf(LibraryPanicError);
  expect(errorOf("get", -6, "").message).toBe("get: the store is closed");
  expect(errorOf("get", -6, "")).toBeInstanceOf(StoreClosedError);
  expect(errorOf("get", -99, null)).toBeInstanceOf(StoreError);
  expect(errorOf("get", -99, null)).toMatchObject({
    name: "StoreError",
    status: -99,
    message: "get: unknown status -99",
  });
});
