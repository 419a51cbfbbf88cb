import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { importsOf, violations } from "./import-law.js";
import { filesUnder } from "./project-files.js";

describe("the import law", () => {
  it("is kept by every source file", () => {
    const files = filesUnder("src", /\.[cm]?[jt]s$/);
    expect(files.length).toBeGreaterThan(10);
    expect(files.flatMap((file) => violations(file, readFileSync(file, "utf8")))).toEqual([]);
  });

  // Each row is a file that breaks one rule: the law must see it.
  it.each([
    ["src/model/report.ts", 'import { x } from "../session/verb.js";', "model may not import session"],
    ["src/probes/gdb/decode.ts", 'import { x } from "../../rundir/run.js";', "probes may not import rundir"],
    ["src/diagnose/engine.ts", 'import type { X } from "../probes/gdb/plan.js";', "diagnose may not import probes"],
    ["src/render/json.ts", 'export { x } from "../diagnose/engine.js";', "render may not import diagnose"],
    ["src/render/json.ts", 'export * from "../cli/main.js";', "render may not import cli"],
    ["src/store/store.ts", 'import "../session/verb.js";', "store may not import session"],
    ["src/survey/target.ts", 'import { x } from "../launch/run-step.js";', "survey may not import launch"],
    ["src/rundir/run.ts", 'import { x } from "../evidence/join.js";', "rundir may not import evidence"],
    ["src/plan/plan.ts", 'import { x } from "../launch/run-step.js";', "plan may not import launch"],
    ["src/launch/run-step.ts", 'import { x } from "../probes/gdb/plan.js";', "launch may not import probes"],
    ["src/evidence/join.ts", 'import { x } from "../diagnose/engine.js";', "evidence may not import diagnose"],
    ["src/session/verb.ts", 'const { x } = await import("../cli/main.js");', "session may not import cli"],
    ["src/session/verb.ts", "const x = await import(`../cli/main.js`);", "session may not import cli"],
    ["src/session/verb.ts", 'type X = import("../cli/main.js").X;', "session may not import cli"],
    ["src/cli/main.ts", 'import { x } from "../survey/target.js";', "cli may not import survey"],
    ["src/cli/main.ts", "await import(verb);", "imports a computed name, which no law can judge"],
    [
      "src/probes/koffi/inject/hook.ts",
      'import { z } from "zod";',
      "what is planted in a target imports nothing, not zod",
    ],
    [
      "src/probes/koffi/inject/hook.cjs",
      'require("./x.cjs");',
      "what is planted in a target imports nothing, not ./x.cjs",
    ],
    [
      "src/probes/koffi/plan.ts",
      'import { x } from "./inject/hook.js";',
      "./inject/hook.js is planted in targets, not imported",
    ],
    ["src/render/json.ts", 'import koffi from "koffi";', "koffi belongs to store alone"],
    ["src/session/verb.ts", 'import { execa } from "execa";', "execa belongs to launch and survey alone"],
    ["src/cli/main.ts", 'import { spawn } from "child_process";', "child_process belongs to launch and survey alone"],
    ["src/session/verb.ts", 'import { Command } from "commander";', "commander belongs to cli alone"],
    ["src/model/report.ts", 'import x from "../../package.json";', "../../package.json leads out of src/"],
    ["src/plan/util/x.ts", "", "a folder named util/ says nothing about what is in it"],
    ["src/main.ts", "", "every source file lives in a folder of src/"],
    ["src/extras/x.ts", "", "the import law knows no folder src/extras/"],
  ])("sees what is wrong in %s: %s", (file, source, reason) => {
    expect(violations(file, source)).toEqual([`${file}:1: ${reason}`]);
  });

  it("lets pass what is allowed", () => {
    const source =
      'import { z } from "zod";\nimport { x } from "./frame.js";\nexport type { Y } from "../model/report.js";';
    expect(violations("src/evidence/join.ts", source)).toEqual([]);
    expect(violations("src/probes/koffi/inject/hook.ts", 'import { register } from "node:module";')).toEqual([]);
  });

  it("names the line", () => {
    expect(importsOf("src/a/b.ts", '\n\nexport const x = () => import("./c.js");')).toEqual([
      { from: "./c.js", line: 3 },
    ]);
  });
});
