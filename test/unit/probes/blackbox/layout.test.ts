import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { constants, enums, structs } from "../../../../src/probes/blackbox/layout.js";

const root = join(import.meta.dirname, "../../../..");
const folder = mkdtempSync(join(tmpdir(), "ffi-doctor-layout-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `alloc_stack` and `WRITE_AFTER_FREE` as the reader writes them. */
function camel(name: string): string {
  return name.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function inCamel(value: unknown): unknown {
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [camel(key), inCamel(inner)]))
    : value;
}

describe("the reader's idea of the black box", () => {
  it("is the compiler's", () => {
    const program = join(folder, "print_layout");
    const built = spawnSync("gcc", ["-std=gnu11", "-o", program, join(root, "native/test/print_layout.c")], {
      encoding: "utf8",
    });
    expect(built.stderr).toBe("");
    const told = JSON.parse(spawnSync(program, { encoding: "utf8" }).stdout);
    expect({ structs, enums, constants }).toEqual(inCamel(told));
  });
});
