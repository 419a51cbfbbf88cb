import { describe, expect, it } from "vitest";
import type { Options } from "../../../../src/model/options.js";
import type { Target } from "../../../../src/model/target.js";
import { planRecorder } from "../../../../src/probes/recorder/plan.js";
import { OPTIONS } from "./step.js";

function planned(options: Partial<Options>, runtime: string, preload?: string) {
  const target = { host: { runtime, version: null } } as unknown as Target;
  const means = { library: "/lib/recorder.so", exclude: ["/usr/*", "*/koffi*"], inherited: { LD_PRELOAD: preload } };
  return planRecorder({ ...OPTIONS, command: ["app"], timeout: null, ...options } as Options, target, means, 3);
}

describe("a step of the recorder", () => {
  it("puts it first, and what the user preloads behind it", () => {
    const { id, targetEnv, interventions } = planned({}, "node", "/own.so");
    expect(id).toBe("recorder-3");
    expect(targetEnv).toEqual({
      LD_PRELOAD: "/lib/recorder.so /own.so",
      FFI_DOCTOR_RECORDER: "{stepDir}",
      FFI_DOCTOR_RECORDER_LIBS: null,
      FFI_DOCTOR_RECORDER_EXCLUDE: "/usr/*\n*/koffi*",
      FFI_DOCTOR_RECORDER_OPTIONS:
        "heap=poison:stacks=full:signals=on:leaks=off:alloc=a5:free=5a:quarantine=4194304:guard=after:exe=off",
    });
    expect(interventions.map(({ what }) => what.split("=")[0])).toEqual([
      "LD_PRELOAD",
      "FFI_DOCTOR_RECORDER_OPTIONS",
      expect.stringContaining("blocks of the libraries in question"),
    ]);
  });

  it("names libraries, and then looks for leaks and takes nothing else", () => {
    const { targetEnv } = planned({ libs: ["libstore.so", "*/x*.so"] }, "rust");
    expect(targetEnv).toMatchObject({
      FFI_DOCTOR_RECORDER_LIBS: "libstore.so\n*/x*.so",
      FFI_DOCTOR_RECORDER_EXCLUDE: null,
    });
    expect(targetEnv["FFI_DOCTOR_RECORDER_OPTIONS"]).toContain("leaks=on:");
    expect(targetEnv["FFI_DOCTOR_RECORDER_OPTIONS"]).toContain("exe=off");
  });

  it.each(["go", "rust", "c"])("takes a native program (%s) itself into question", (runtime) => {
    expect(planned({}, runtime).targetEnv["FFI_DOCTOR_RECORDER_OPTIONS"]).toContain("exe=on");
  });

  it("leaves the heap as it is where that is asked for", () => {
    const heap = { ...OPTIONS.heap, mode: "off", allocFill: 1, freeFill: 255, quarantine: 0 } as const;
    const { targetEnv, interventions } = planned({ heap }, "c");
    expect(targetEnv["FFI_DOCTOR_RECORDER_OPTIONS"]).toMatch(/^heap=off:.*:alloc=01:free=ff:quarantine=0:/);
    expect(interventions).toHaveLength(2);
  });
});
