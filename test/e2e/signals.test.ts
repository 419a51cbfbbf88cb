import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { cleanUp, observed, root } from "./doctor.js";

const program = join(root, ".cache/signal-semantics");

beforeAll(() => {
  const source = join(root, "test/e2e/signal-semantics.c");
  expect(spawnSync("gcc", ["-O1", "-w", "-o", program, source, "-lpthread"], { encoding: "utf8" }).stderr).toBe("");
});
afterEach(cleanUp);
afterAll(() => spawnSync("rm", ["-f", program]));

describe("what a program sees of its signals under run", () => {
  it("is what it sees without, to the end that it dies of", () => {
    const bare = spawnSync(program, { encoding: "utf8" });
    expect(bare.signal).toBe("SIGSEGV");
    const { stdout, report } = observed("run", ["--", program]);
    expect(stdout).toBe(bare.stdout);
    expect(report?.run.outcome).toMatchObject({ signal: "SIGSEGV", exitCode: null });
  });

  it("is recorded first-hand: the fault that nobody handled, with its stack", () => {
    const { report } = observed("run", ["--", program]);
    const main = report?.findings.find(({ pid }) => pid === report.run.processes[0]?.pid);
    expect(main).toMatchObject({ code: "null-dereference" });
    expect(main?.stacks[0]?.frames[0]?.function).toBe("fault");
  });
});
