import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Report } from "../../src/model/report.js";

export const root = join(import.meta.dirname, "../..");
export const main = join(root, "dist/cli/main.js");
export const libraries = join(root, "native/build/store");

export interface Told {
  status: number | null;
  stdout: string;
  stderr: string;
  /** report.json of the run; null when there is none. */
  report: Report | null;
  runDir: string;
}

/** Runs ffi-doctor's built command line, with a run directory of its own that is removed by `cleanUp`. */
export function captured(args: readonly string[], options: Circumstances = {}): Told {
  return observed("gdb-capture", args, options);
}

interface Circumstances {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** The same of any verb that observes. */
export function observed(verb: string, args: readonly string[], options: Circumstances = {}): Told {
  const runDir = join(scratch(), "run");
  const { status, stdout, stderr } = doctor([verb, "--out", runDir, ...args], options);
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
    timeout: 170_000,
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
