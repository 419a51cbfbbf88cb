import { spawnSync } from "node:child_process";
import { afterEach, describe, expect, it } from "vitest";
import { cleanUp, libraries, observed, scratch } from "./doctor.js";
import { handled, has, type Program, prepare, programs, redis } from "./programs.js";

const LONG = 170_000;

afterEach(cleanUp);

interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** What differs by itself, taken out: the folder, and what the program says of that kind. */
function steady({ status, stdout, stderr }: Outcome, folder: string, { varies }: Program): Outcome {
  const plain = (output: string): string => {
    const text = output.replaceAll(folder, "FOLDER");
    return varies === undefined ? text : text.replace(varies, "VARIES");
  };
  return { status, stdout: plain(stdout), stderr: plain(stderr) };
}

function bare(program: Program, env: NodeJS.ProcessEnv): Outcome {
  const folder = scratch();
  prepare(folder, program);
  const [command = "", ...args] = program.command;
  const ran = spawnSync(command, args, {
    encoding: "utf8",
    cwd: folder,
    env: { ...process.env, ...program.env, ...env },
    maxBuffer: 64 << 20,
  });
  expect(ran.error).toBeUndefined();
  return steady(ran, folder, program);
}

function recorded(program: Program, flags: readonly string[], env: NodeJS.ProcessEnv) {
  const folder = scratch();
  prepare(folder, program);
  const told = observed("run", ["-q", ...flags, "--", ...program.command], {
    cwd: folder,
    env: { ...program.env, ...env },
  });
  return { outcome: steady(told, folder, program), report: told.report };
}

/** FFI_DOCTOR_MATRIX=whole runs each under both; `npm test` under one of them in turn. */
const whole = process.env["FFI_DOCTOR_MATRIX"] === "whole";

function under(list: readonly Program[], mode: number) {
  return list.filter((_program, i) => whole || i % 2 === mode).map((program) => [program.name, program] as const);
}

function staysUndisturbed(program: Program, heap: string, env: NodeJS.ProcessEnv = {}): void {
  const plain = bare(program, env);
  const { outcome, report } = recorded(program, ["--heap", heap], env);
  expect(report?.findings, outcome.stderr).toEqual([]);
  expect({ ...outcome, verdict: report?.verdict }).toEqual({ ...plain, verdict: "clean" });
}

describe.each([
  ["poison", 0],
  ["guard", 1],
] as const)("with --heap %s", (heap, mode) => {
  it.for(under(programs, mode))("%s", { timeout: LONG }, ([, program]) => {
    expect(has(program.needs), `there is no ${program.needs} here`).toBe(true);
    staysUndisturbed(program, heap);
  });

  it.for(under(handled, mode))(
    "the sound host with its own handlers of crashes: %s",
    { timeout: LONG },
    ([, program]) => {
      staysUndisturbed(program, heap, { LD_LIBRARY_PATH: `${libraries}/healthy` });
    },
  );
});

it.skipIf(!has(redis.needs))(redis.name, () => staysUndisturbed(redis, "poison"), LONG);
