import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diagnose } from "../../../src/diagnose/engine.js";
import { quoteAll } from "../../../src/diagnose/next-steps.js";
import { buildReport } from "../../../src/diagnose/report.js";
import type { LoadFailure } from "../../../src/model/crash.js";
import { Report } from "../../../src/model/report.js";
import { aborted, crash, evidence, frame, STACK_OF_A_CALL } from "./crashes.js";

const RUN: Report["run"] = {
  id: "r",
  verb: "gdb-capture",
  command: ["x"],
  host: { runtime: "c", version: null },
  libraries: [],
  startedAt: "2026-01-01T00:00:00.000Z",
  durationMs: 1,
  outcome: { exitCode: null, signal: null, timedOut: false },
  processes: [],
  interventions: [],
};
const report = (more: Parameters<typeof evidence>[0]) =>
  buildReport({ evidence: evidence(more), run: RUN, toolVersion: "0" });

describe("the same mistake", () => {
  const print = (seen: Parameters<typeof evidence>[0]) => diagnose(evidence(seen))[0]?.fingerprint;
  const at = (address: string, line: number) =>
    crash({ address, frames: [frame({ line, pc: address }), ...STACK_OF_A_CALL.slice(1)] }, { pid: line });

  it("has the same fingerprint at another address, line, pid and build", () => {
    const first = print({ crashes: [at("0x18589091b1", 10)] });
    expect(print({ crashes: [at("0x28589091b1", 99)] })).toBe(first);
    const moved = crash({
      address: "0x18589091b1",
      frames: [frame({ module: "/other/libstore.so.4" }), ...STACK_OF_A_CALL.slice(1)],
    });
    expect(print({ crashes: [moved] })).toBe(first);
  });

  it("has another one in another function, or of another kind", () => {
    const first = print({ crashes: [at("0x18589091b1", 10)] });
    expect(
      print({ crashes: [crash({ address: "0x18589091b1", frames: [frame({ function: "store_put" })] })] }),
    ).not.toBe(first);
    expect(print({ crashes: [at("0x0", 10)] })).not.toBe(first);
  });

  it("is told once, counted", () => {
    const findings = diagnose(
      evidence({ crashes: [at("0x18589091b1", 1), at("0x18589091b1", 2), aborted("x")], runs: 3 }),
    );
    expect(findings.map(({ code, occurrences }) => [code, occurrences])).toEqual([
      ["wild-pointer", { seen: 2, runs: 3 }],
      ["abort", { seen: 1, runs: 3 }],
    ]);
  });
});

describe("a library that does not load", () => {
  const failure = (more: Partial<LoadFailure>): LoadFailure => ({
    pid: 1,
    command: ["/app/host"],
    library: "/app/libx.so",
    symbol: null,
    message: "cannot open shared object file: No such file or directory",
    exitCode: 127,
    from: "",
    ...more,
  });
  const found = (more: Partial<LoadFailure>) => diagnose(evidence({ loadFailures: [failure(more)] }))[0];

  it("is proved by the linker's own status, else likely", () => {
    expect(found({})).toMatchObject({ code: "library-not-loadable", confidence: "proved", severity: "error" });
    expect(found({ exitCode: 1 })?.confidence).toBe("likely");
  });

  it("is a missing symbol when one is named", () => {
    expect(found({ symbol: "store_get" })).toMatchObject({
      code: "missing-symbol",
      title: "libx.so has no symbol store_get",
    });
  });

  it("says which version is wanted", () => {
    expect(
      found({ message: "/lib/libc.so.6: version `GLIBC_2.38' not found (required by /app/libx.so)" })?.title,
    ).toContain("GLIBC_2.38");
  });
});

describe("the verdict", () => {
  const obstacle = { what: "w", why: "y", mend: null };

  it("is findings, else inconclusive, else clean", () => {
    expect(report({ crashes: [crash({ address: "0x0" })], obstacles: [obstacle] }).verdict).toBe("findings");
    expect(report({ obstacles: [obstacle] }).verdict).toBe("inconclusive");
    expect(report({}).verdict).toBe("clean");
  });

  it("names in the catalogue what it found, and no more", () => {
    expect(Object.keys(report({ crashes: [crash({ address: "0x0" })] }).catalogue)).toEqual(["null-dereference"]);
  });

  it("shows where a process was that had not died", () => {
    const stopped = crash({ signal: { name: "STOPPED" } }, { terminal: null });
    expect(report({ crashes: [stopped] })).toMatchObject({ verdict: "clean", letGo: [{ pid: 1 }] });
  });
});

describe("diagnosis", () => {
  it("gives a report that the schema knows, and never throws, whatever the crash", () => {
    const hex = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((value) => `0x${value.toString(16)}`);
    const text = fc.string({ unit: "binary" });
    const anyFrame = fc
      .record({
        function: fc.option(text),
        module: fc.option(text),
        side: fc.constantFrom("host", "script", "binding", "library", "system"),
        boundary: fc.boolean(),
        kind: fc.constantFrom("normal", "jit", "folded"),
        args: fc.array(fc.record({ name: text, value: hex }), { maxLength: 2 }),
      })
      .map((more) => frame(more as Parameters<typeof frame>[0]));
    fc.assert(
      fc.property(
        fc.constantFrom("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "EXIT", "PANIC", "SIG??"),
        fc.option(hex, { nil: undefined }),
        fc.constantFrom("read", "write", "execute"),
        fc.array(anyFrame, { maxLength: 6 }),
        fc.option(text, { nil: undefined }),
        text,
        (name, address, kind, frames, abort, instruction) => {
          const seen = crash({
            signal: { name },
            kind: kind as "read",
            frames,
            instruction,
            ...(address === undefined ? {} : { address, base: address }),
            ...(abort === undefined ? {} : { abort }),
          });
          Report.parse(report({ crashes: [seen] }));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("a command that can be pasted", () => {
  it("is quoted for a shell", () => {
    expect(quoteAll(["./a", "b c", "it's", "", "$HOME", "x=1"])).toBe(`./a 'b c' 'it'\\''s' '' '$HOME' x=1`);
  });

  it("is cut when it is long, and says so", () => {
    expect(quoteAll(["x".repeat(500)])).toBe(`${"x".repeat(200)}...`);
    expect(quoteAll(Array.from({ length: 50 }, () => "y"))).toMatch(/ \.\.\.$/);
  });
});
