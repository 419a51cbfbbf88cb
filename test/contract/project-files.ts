import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Made by tools or brought by them, never written by hand. */
const NOT_OURS = /^(node_modules|dist|coverage|build|target|__pycache__|\.git|\.cache|\.ffi-doctor)$/;

/** Files of the project whose name matches, relative to its root, in order; `folder` is "." for all. */
export function filesUnder(folder: string, name: RegExp): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !NOT_OURS.test(entry.name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        return filesUnder(path, name);
      }
      return entry.isFile() && name.test(entry.name) ? [path] : [];
    })
    .sort();
}
