import { describe, expect, it } from "vitest";
import { diedProcesses, unexplainedEnds } from "../../../src/evidence/ends.js";
import type { ProcessInfo } from "../../../src/model/evidence.js";
import { checkerError } from "../diagnose/checker-errors.js";

function process(pid: number, exitCode: number | null, signal: string | null = null): ProcessInfo {
  return { pid, parent: null, command: ["x"], outcome: { exitCode, signal, timedOut: false } };
}

describe("processes that did not end by themselves", () => {
  it("are those that a signal or an error killed, and Go's after a fatal error", () => {
    const errors = [
      checkerError("unmapped-access", {}, { pid: 1, fatal: true }),
      checkerError("unmapped-access", {}, { pid: 2, hostRuntime: "go" }),
      checkerError("unmapped-access", {}, { pid: 4, hostRuntime: "node" }),
    ];
    const died = diedProcesses([process(1, 0), process(2, 2), process(3, null, "SIGKILL"), process(4, 2)], errors);
    expect([...died].sort()).toEqual([1, 2, 3]);
  });
});

describe("a program that failed", () => {
  const spots = (outcome: ProcessInfo, ...shown: Parameters<typeof unexplainedEnds>[2]) =>
    unexplainedEnds("valgrind", [outcome], shown).map(({ what }) => what);

  it("is told where no error explains it, and a leak explains nothing", () => {
    expect(spots(process(1, 2))).toEqual(["why process 1 ended with status 2"]);
    expect(spots(process(1, null, "SIGSEGV"))).toEqual(["why process 1 died of SIGSEGV"]);
    expect(spots(process(1, 2), checkerError("leak", {}, { pid: 1 }))).toHaveLength(1);
  });

  it("is not told where one does, nor one that did not fail", () => {
    expect(spots(process(1, 2), checkerError("freed-access", {}, { pid: 1 }))).toEqual([]);
    expect(spots(process(1, 0))).toEqual([]);
  });
});
