import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { wantedBy } from "../../../src/survey/sanitizers.js";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "ffi-doctor-sanitizers-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A program of these lines of C, as gcc makes it. */
function program(name: string, code: string, ...flags: string[]): string {
  const file = join(dir, name);
  const { status, stderr } = spawnSync("gcc", ["-x", "c", "-", "-o", file, ...flags], {
    input: code,
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return file;
}

describe("a program", () => {
  it("has a runtime built in where it defines its start, though it hands it out to nobody, as rustc links it", () => {
    const code = "void __asan_init(void) {} int main(void) { __asan_init(); return 0; }";
    expect(wantedBy(program("own", code))).toEqual({ checks: ["address"], soname: null, ownRuntime: true });
    expect(wantedBy(program("stripped", code, "-s"))?.ownRuntime).toBe(false);
  });

  it("has none where it asks for one, or knows nothing of any", () => {
    const checked = wantedBy(program("checked", "int main(void) { return 0; }", "-fsanitize=address"));
    expect(checked).toMatchObject({ checks: ["address"], ownRuntime: false });
    expect(checked?.soname).toMatch(/^libasan\.so/);
    expect(wantedBy(program("plain", "int main(void) { return 0; }"))).toEqual({
      checks: [],
      soname: null,
      ownRuntime: false,
    });
  });
});
