import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { captured, cleanUp, doctor, scratch } from "./doctor.js";

const SOURCE = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct link { struct link *next; char name[40]; };
int main(int count, char **words) {
  (void)count;
  struct link *link = malloc(sizeof *link);
  char *text = malloc(24);
  puts("ran");
  fflush(stdout);
  if (!strcmp(words[1], "overrun")) memset(text, 1, 25);
  if (!strcmp(words[1], "freed-twice")) free(text);
  link->next = link;
  if (!strcmp(words[1], "stale")) { free(link); return link->next->name[3]; }
  free(text);
  free(link);
  return 0;
}`;

let program = "";
beforeAll(() => {
  const folder = scratch();
  program = join(folder, "links");
  writeFileSync(`${program}.c`, SOURCE);
  expect(spawnSync("gcc", ["-g", "-O0", "-w", "-o", program, `${program}.c`]).status).toBe(0);
});
afterAll(cleanUp);

const under = (allocator: string, bug: string) => {
  const { status, stdout, report } = captured(["--with", allocator, "--", program, bug]);
  return { status, stdout, codes: report?.findings.map(({ code }) => code) };
};

describe("an allocator in place of the program's own", () => {
  it.each(["malloc-check", "jemalloc"])("%s leaves a sound program as it is", (allocator) => {
    expect(under(allocator, "none")).toEqual({ status: 0, stdout: "ran\n", codes: [] });
  });

  it.each([
    ["malloc-check", "overrun", "abort"],
    ["malloc-check", "freed-twice", "abort"],
    ["jemalloc", "stale", "poisoned-pointer"],
  ])("%s shows %s", (allocator, bug, code) => {
    expect(under(allocator, bug)).toEqual({ status: 1, stdout: "ran\n", codes: [code] });
  });

  it("is here for these tests", () => {
    expect(existsSync("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2") || process.arch !== "x64").toBe(true);
  });

  it("is refused for a program without a dynamic linker", () => {
    const fixed = `${program}-static`;
    expect(spawnSync("gcc", ["-static", "-w", "-o", fixed, `${program}.c`]).status).toBe(0);
    expect(doctor(["gdb-capture", "--with", "jemalloc", "--", fixed, "none"])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/works by LD_PRELOAD, and .* is statically linked/),
    });
  });
});
