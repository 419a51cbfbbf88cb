import { describe, expect, it } from "vitest";
import type { Options } from "../../../../src/model/options.js";
import type { HostRuntime } from "../../../../src/model/primitives.js";
import type { Target } from "../../../../src/model/target.js";
import { planAsan } from "../../../../src/probes/asan/plan.js";

function planned(
  runtime: HostRuntime,
  options: Partial<Options> = {},
  inherited: Record<string, string> = {},
): Record<string, string | null> {
  const asked = { sanitizer: "address", libs: [], command: ["x"], timeout: null, ...options } as unknown as Options;
  const target = { host: { runtime, version: null } } as unknown as Target;
  const means = { runtime: "/lib/libasan.so.8", companion: "/fd/companion.so", symbolizer: null, inherited };
  const step = planAsan(asked, target, means, 0);
  const told = step.interventions.map(({ what }) => what.split("=", 1)[0]);
  // What is changed is told, but for the name of the run directory.
  expect(Object.keys(step.targetEnv).filter((name) => !told.includes(name))).toEqual(["FFI_DOCTOR_COMPANION"]);
  return step.targetEnv;
}

describe("the plan of a sanitizer", () => {
  it("has the runtime first, the companion next, and what was preloaded before behind them", () => {
    expect(planned("c", {}, { LD_PRELOAD: "/other.so" })["LD_PRELOAD"]).toBe(
      "/lib/libasan.so.8 /fd/companion.so /other.so",
    );
  });

  it("keeps the user's own options, which win over ours, but not over where the log goes", () => {
    const text = planned("c", {}, { ASAN_OPTIONS: "malloc_context_size=40:log_path=/elsewhere" })["ASAN_OPTIONS"] ?? "";
    expect(text.indexOf("malloc_context_size=16")).toBeLessThan(text.indexOf("malloc_context_size=40"));
    expect(text.indexOf("log_path=/elsewhere")).toBeLessThan(text.indexOf('log_path="{stepDir}/asan"'));
  });

  it("never lets the runtime come second", () => {
    expect(JSON.stringify(planned("node"))).not.toContain("verify_asan_link_order");
  });

  it.each<[string, Partial<Options>, boolean]>([
    ["an explicit library", { libs: ["libstore.so"] }, true],
    ["none", {}, false],
    ["--sanitizer leak", { sanitizer: "leak" }, true],
    ["another sanitizer", { sanitizer: "thread", libs: ["libstore.so"] }, false],
  ])("looks for leaks with %s", (_what, options, wanted) => {
    const env = planned("node", options);
    expect(env["FFI_DOCTOR_COMPANION_LEAKS"] !== undefined).toBe(wanted);
    expect(JSON.stringify(env).includes("detect_leaks=1")).toBe(wanted);
  });

  it("takes Python's own allocator out of the way, unless the user has chosen one", () => {
    expect(planned("python")["PYTHONMALLOC"]).toBe("malloc");
    expect(planned("python", {}, { PYTHONMALLOC: "debug" })["PYTHONMALLOC"]).toBeUndefined();
    expect(planned("node")["PYTHONMALLOC"]).toBeUndefined();
  });

  it("leaves the program's exit status alone where the sanitizer goes on after a report", () => {
    expect(planned("c", { sanitizer: "thread" })["TSAN_OPTIONS"]).toMatch(/exitcode=0$/);
    expect(planned("c")["ASAN_OPTIONS"]).toMatch(/exitcode=99$/);
  });
});
