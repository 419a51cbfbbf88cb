import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Report } from "../../src/model/report.js";
import { doctor, scratch } from "./doctor.js";

type RunConfig = { name: string; command: string[] } & Record<string, unknown>;

/** A project with a configuration; each run is under gdb-capture unless it says otherwise. */
export function project(runs: RunConfig[], config: Record<string, unknown> = {}) {
  const dir = scratch();
  const write = (next: RunConfig[], more = config): void =>
    writeFileSync(
      join(dir, "ffi-doctor.config.json"),
      JSON.stringify({ ...more, runs: next.map((run) => ({ instruments: ["gdb-capture"], ...run })) }),
    );
  write(runs);
  let count = 0;
  const ci = (...args: string[]) => {
    count += 1;
    const out = join(dir, `out-${count}`);
    const { status, stdout, stderr } = doctor(["ci", "--out", out, ...args], { cwd: dir });
    const file = join(out, "report.json");
    const report = existsSync(file) ? Report.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
    return { status, stdout, stderr, report, out };
  };
  return { dir, write, ci };
}
