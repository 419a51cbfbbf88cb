import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Report } from "../../src/model/report.js";
import { doctor, scratch } from "./doctor.js";

/** Whether the kernel writes cores as files here, into the working directory; else gdb has to. */
const byKernel = !/^[|/]|^$/.test(readFileSync("/proc/sys/kernel/core_pattern", "utf8").trim());
const TAKE = join(import.meta.dirname, "take-core.py");
const LIMIT_MS = 60_000;

/** The core that a command leaves, in a folder of its own. Fails where it leaves none. */
export function coreOf(command: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const folder = scratch();
  const options = { cwd: folder, encoding: "utf8", timeout: LIMIT_MS, env: { ...process.env, ...env } } as const;
  const file = join(folder, "core");
  const ended = byKernel
    ? spawnSync("sh", ["-c", 'ulimit -c unlimited; exec "$@"', "sh", ...command], options)
    : spawnSync("gdb", ["-nx", "-batch", "-x", TAKE, "--args", "/bin/sh", "-c", 'exec "$@"', "sh", ...command], {
        ...options,
        env: { ...options.env, CORE: file },
      });
  const left = readdirSync(folder).find((name) => /^core/.test(name));
  if (left === undefined) {
    throw new Error(`${command.join(" ")} left no core: status ${ended.status}, ${ended.signal}\n${ended.stderr}`);
  }
  return join(folder, left);
}

/** Runs `ffi-doctor core`. */
export function looked(args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}) {
  const runDir = join(scratch(), "run");
  const { status, stdout, stderr } = doctor(["core", "--out", runDir, ...args], options);
  const file = join(runDir, "report.json");
  const report = existsSync(file) ? Report.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
  return { status, stdout, stderr, report, runDir };
}
