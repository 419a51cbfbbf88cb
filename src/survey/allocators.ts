import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Allocators } from "../model/target.js";

const TRIPLETS: Partial<Record<NodeJS.Architecture, string>> = {
  x64: "x86_64-linux-gnu",
  arm64: "aarch64-linux-gnu",
};

/** Where distributions keep what the dynamic linker finds by itself. */
function folders(): string[] {
  const triplet = TRIPLETS[process.arch];
  const multiarch = triplet === undefined ? [] : [`/usr/lib/${triplet}`, `/lib/${triplet}`];
  return [...multiarch, "/usr/lib64", "/lib64", "/usr/lib", "/usr/local/lib"];
}

/** The debugging allocators that are here, by file; null for one that is not. */
export function findAllocators(): Allocators {
  const find = (name: string): string | null =>
    folders()
      .map((folder) => join(folder, name))
      .find((file) => existsSync(file)) ?? null;
  return { mallocDebug: find("libc_malloc_debug.so.0"), jemalloc: find("libjemalloc.so.2") };
}
