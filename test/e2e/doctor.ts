import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Report } from "../../src/model/report.js";

export const root = join(import.meta.dirname, "../..");
export const main = join(root, "dist/cli/main.js");
export const libraries = join(root, "native/build/store");

const build = join(root, "fixtures/hosts/build");
const nodeHost = [process.execPath, join(root, "fixtures/hosts/node/main.mjs")];

export interface Host {
  name: string;
  command: string[];
  /** Go's runtime ends the process itself, with status 2. */
  go: boolean;
  /** Whether the crossing call has the script's frames below it: libuv's pool threads run no JavaScript. */
  joined: boolean;
}

export const hosts: Host[] = [
  { name: "c", command: [join(build, "c-host")], go: false, joined: true },
  { name: "go", command: [join(build, "go-host")], go: true, joined: true },
  { name: "go-1.19", command: [join(build, "go-host-1.19")], go: true, joined: true },
  { name: "node", command: nodeHost, go: false, joined: true },
  { name: "node-async", command: [...nodeHost, "--mode", "async"], go: false, joined: false },
].filter(({ command }) => existsSync(command[0] ?? ""));

export interface Told {
  status: number | null;
  stdout: string;
  stderr: string;
  /** report.json of the run; null when there is none. */
  report: Report | null;
  runDir: string;
}

/** Runs ffi-doctor's built command line, with a run directory of its own that is removed by `cleanUp`. */
export function captured(args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}): Told {
  const runDir = join(scratch(), "run");
  const { status, stdout, stderr } = doctor(["gdb-capture", "--out", runDir, ...args], options);
  const file = join(runDir, "report.json");
  const report = existsSync(file) ? Report.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
  return { status, stdout, stderr, report, runDir };
}

export function doctor(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string } = {},
) {
  return spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    timeout: 90_000,
    cwd: options.cwd ?? scratch(),
    env: { ...process.env, ...options.env },
    ...(options.input === undefined ? {} : { input: options.input }),
    maxBuffer: 64 << 20,
  });
}

const made: string[] = [];

/** A new temporary directory. */
export function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), "ffi-doctor-test-"));
  made.push(dir);
  return dir;
}

export function cleanUp(): void {
  for (const dir of made.splice(0)) {
    rmSync(dir, { recursive: true, force: true });
  }
}
