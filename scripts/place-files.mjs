// After tsc: copies what is planted in targets as it is, removes what has lost its source, makes the command executable.
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const SOURCE = "src";
const BUILT = "dist";

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

const planted = files(SOURCE).filter((file) => /^probes\/[^/]+\/inject\//.test(file) && !file.endsWith(".ts"));
for (const file of planted) {
  mkdirSync(dirname(join(BUILT, file)), { recursive: true });
  copyFileSync(join(SOURCE, file), join(BUILT, file));
}

const made = new Set([...planted, ...files(SOURCE).map((file) => file.replace(/\.ts$/, ".js"))]);
for (const file of files(BUILT).filter((built) => !made.has(built))) {
  rmSync(join(BUILT, file));
}

const command = join(BUILT, "cli/main.js");
if (existsSync(command)) {
  chmodSync(command, 0o755);
}
