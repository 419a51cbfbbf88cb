import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cleanUp, observed, scratch } from "./doctor.js";

const LIBRARY = `
#include <stdlib.h>
#include <string.h>
struct shelf { char *label; };
static struct shelf *kept;
struct shelf *shelf_open(const char *label) {
  kept = malloc(sizeof *kept);
  kept->label = strdup(label);
  return kept;
}
__attribute__((noinline)) static int measure(const struct shelf *shelf) { return shelf->label[0]; }
void shelf_close(struct shelf *shelf) { free(shelf->label); free(shelf); }
int shelf_width(struct shelf *shelf) { return measure(shelf) + 1; }
int shelf_fill(struct shelf *shelf, char byte) { memset(shelf->label, byte, 32); return 1; }
`;
const HOST_C = `
#include <string.h>
struct shelf;
struct shelf *shelf_open(const char *); void shelf_close(struct shelf *); int shelf_width(struct shelf *);
int shelf_fill(struct shelf *, char);
int main(int count, char **words) {
  struct shelf *shelf = shelf_open("spare parts");
  if (count > 1 && !strcmp(words[1], "fill")) return shelf_fill(shelf, 'x') - 1;
  shelf_close(shelf);
  return shelf_width(shelf) == 0;
}`;
const HOST_PYTHON = `
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.shelf_open.restype = ctypes.c_void_p
shelf = ctypes.c_void_p(library.shelf_open(b"spare parts"))
library.shelf_close(shelf)
library.shelf_width(shelf)
`;

let builds: string[] = [];
let host = "";
beforeAll(() => {
  const folder = scratch();
  // Moved lines, another optimisation, another folder.
  const variants = [
    ["first", LIBRARY, "-O0"],
    ["second", `${"\n".repeat(40)}${LIBRARY}`, "-O1"],
  ] as const;
  builds = variants.map(([name, text, level]) => {
    const place = join(folder, name);
    mkdirSync(place);
    const source = join(place, "shelf.c");
    writeFileSync(source, text);
    const file = join(place, "libshelf.so");
    expect(
      spawnSync("gcc", ["-g", level, "-w", "-shared", "-fPIC", "-Wl,-soname,libshelf.so", "-o", file, source]).status,
    ).toBe(0);
    return file;
  });
  host = join(folder, "host");
  writeFileSync(`${host}.c`, HOST_C);
  writeFileSync(`${host}.py`, HOST_PYTHON);
  expect(spawnSync("gcc", ["-g", "-w", "-o", host, `${host}.c`, builds[0] ?? ""]).status).toBe(0);
});
afterAll(cleanUp);

function print(library: string, command: readonly string[]): string | undefined {
  const { report, stderr } = observed("valgrind", ["--", ...command], {
    env: { LD_LIBRARY_PATH: join(library, "..") },
  });
  expect(report?.findings.length, stderr).toBeGreaterThan(0);
  return report?.findings[0]?.fingerprint;
}

describe("the fingerprint of a mistake in a library", () => {
  it("is one over two runs, two builds and two hosts, and another for another mistake", () => {
    const [first = "", second = ""] = builds;
    const known = print(first, [host]);
    expect(print(first, [host])).toBe(known);
    expect(print(second, [host])).toBe(known);
    expect(print(first, ["python3", `${host}.py`, first])).toBe(known);
    expect(print(first, [host, "fill"])).not.toBe(known);
  });
});
