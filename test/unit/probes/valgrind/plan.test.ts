import { describe, expect, it } from "vitest";
import type { Options } from "../../../../src/model/options.js";
import { planOrigins, planValgrind, type ValgrindTarget } from "../../../../src/probes/valgrind/plan.js";

const OPTIONS = { libs: [], timeout: 30 } as unknown as Options;

const TARGET: ValgrindTarget = { runtime: "c", command: ["./host", "x"], environment: {}, interventions: [] };

function planned(target: Partial<ValgrindTarget>, inherited: Record<string, string> = {}, origins = false) {
  const whole = { ...TARGET, ...target };
  return planValgrind(OPTIONS, whole, { valgrind: "/usr/bin/valgrind.bin", inherited }, origins);
}

describe("a step under valgrind", () => {
  it("is the tool's argv and the target's behind it, with what keeps a far access's block and an unloaded library's names", () => {
    const step = planned({});
    expect(step).toMatchObject({
      id: "valgrind-0",
      way: "around",
      target: ["./host", "x"],
      timeout: 30,
      setAside: true,
    });
    expect(step.tool).toEqual(
      expect.arrayContaining([
        "--xml-file={stepDir}/vg.%p.xml",
        "--redzone-size=512",
        "--keep-debuginfo=yes",
        "--vex-guest-chase=no",
        "--vex-iropt-register-updates=allregs-at-mem-access",
        "--trace-signals=yes",
        "--trace-children=yes",
      ]),
    );
    expect(step.tool.some((word) => word.startsWith("--error-exitcode"))).toBe(false);
  });

  it("has memcheck write leaks only where a library is named", () => {
    const kinds = (libs: string[]): string | undefined =>
      planValgrind({ ...OPTIONS, libs }, TARGET, { valgrind: "valgrind", inherited: {} }, false).tool.find((word) =>
        word.startsWith("--show-leak-kinds="),
      );
    expect([kinds([]), kinds(["libstore.so"])]).toEqual([
      "--show-leak-kinds=none",
      "--show-leak-kinds=definite,possible",
    ]);
  });

  it("has no %p in its log's name, else forked processes would write into their parent's XML", () => {
    expect(planned({}).tool.find((word) => word.startsWith("--log-file"))).toBe("--log-file={stepDir}/valgrind.log");
  });

  it.each([
    ["python", {}, { PYTHONMALLOC: "malloc" }],
    ["unknown", {}, { PYTHONMALLOC: "malloc" }],
    ["python", { PYTHONMALLOC: "debug" }, {}],
    ["node", {}, {}],
    ["go", {}, {}],
  ] as const)("of %s with %j sets %j, and says so", (runtime, inherited, env) => {
    const step = planned({ runtime }, inherited);
    expect(step.targetEnv).toEqual(env);
    expect(step.interventions.map(({ what }) => what)).toEqual(
      Object.entries(env).map(([name, value]) => `${name}=${value}`),
    );
  });

  it("of java asks for its first compiler alone, before the user's own flags", () => {
    const step = planned({ runtime: "java", command: ["/usr/bin/java", "-Xint", "Main"] });
    expect(step.target).toEqual(["/usr/bin/java", "-XX:TieredStopAtLevel=1", "-Xint", "Main"]);
    expect(step.interventions).toMatchObject([{ kind: "flag", what: "-XX:TieredStopAtLevel=1" }]);
    expect(planned({ runtime: "java", command: ["./launcher"] }).target).toEqual(["./launcher"]);
  });

  it("may track origins at once, or once more in silence", () => {
    expect(planned({}).tool).not.toContain("--track-origins=yes");
    expect(planned({}, {}, true).tool).toContain("--track-origins=yes");
    expect(planOrigins(planned({}))).toMatchObject({
      id: "valgrind-origins-0",
      silent: true,
      tool: expect.arrayContaining(["--track-origins=yes"]),
    });
  });
});
