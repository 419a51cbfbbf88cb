import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const native = join(import.meta.dirname, "../../../../native");

/** What a library that is loaded into every process shows is what it may be confused by: no more than it stands before. */
describe("the recorder's library", () => {
  const library = join(native, "build/ffi_doctor_recorder.so");

  it("exports what its map names, and nothing else", () => {
    const { stdout, status } = spawnSync("nm", ["-D", "--defined-only", library], { encoding: "utf8" });
    expect(status).toBe(0);
    const exported = stdout.split("\n").flatMap((line) => line.split(" ")[2] ?? []);
    const map = readFileSync(join(native, "preload/exports.map"), "utf8");
    const named = [...(/global:([\s\S]*)local:/.exec(map)?.[1] ?? "").matchAll(/(\w+);/g)].map(
      ([, name]) => name ?? "",
    );
    expect(exported.toSorted()).toEqual(named.toSorted());
  });

  it("asks for no glibc that is newer than 2.34", () => {
    const { stdout } = spawnSync("objdump", ["-T", library], { encoding: "utf8" });
    const versions = [...stdout.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
    expect(Math.max(...versions)).toBeLessThanOrEqual(34);
  });

  it("needs nothing but libc and the dynamic linker", () => {
    const { stdout } = spawnSync("readelf", ["-d", library], { encoding: "utf8" });
    const needed = [...stdout.matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name]) => name);
    expect(needed).toEqual(["libc.so.6", "ld-linux-x86-64.so.2"]);
  });
});
