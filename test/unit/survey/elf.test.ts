import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readElf } from "../../../src/survey/elf.js";

const hold = join(import.meta.dirname, "../../../native/build/hold");
const shim = join(import.meta.dirname, "../../../native/build/store/healthy/libffi_doctor_store.so");

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "ffi-doctor-elf-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("an ELF file", () => {
  it("tells soname, dependencies, build id and debug information", () => {
    const facts = readElf(shim);
    expect(facts).toMatchObject({ type: "shared", bits: 64, debugInfo: true });
    expect(facts?.buildId).toMatch(/^[0-9a-f]{40}$/);
    expect(facts?.needed).toContain("libc.so.6");
  });

  it("tells a static program", () => {
    expect(readElf(hold)).toMatchObject({ interpreter: null, needed: [], soname: null });
  });

  it("is null for what is none", () => {
    expect(readElf(join(dir, "missing"))).toBeNull();
    expect(readElf(dir)).toBeNull();
    expect(readElf(import.meta.filename)).toBeNull();
  });

  it("is read without throwing, cut or flipped anywhere", () => {
    const whole = readFileSync(hold);
    const head = whole.subarray(0, 4096);
    const tail = whole.subarray(-8192);
    const file = join(dir, "damaged");
    fc.assert(
      fc.property(fc.nat(4095), fc.nat(255), fc.nat(tail.length), (at, value, length) => {
        const bytes = Buffer.concat([head, whole.subarray(4096, -8192), tail.subarray(0, length)]);
        bytes[at] = value;
        writeFileSync(file, bytes);
        readElf(file);
      }),
      { numRuns: 60 },
    );
  });
});
