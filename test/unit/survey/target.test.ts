import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../../../src/model/errors.js";
import { surveyTarget } from "../../../src/survey/target.js";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "ffi-doctor-target-"));
  script("plain", "#!/bin/sh\n");
  script("envd", "#!/usr/bin/env node\n");
  script("with-options", "#!/usr/bin/env -S A=1 node --flag\n");
  script("nested", `#!${join(dir, "plain")}\n`);
  symlinkSync(process.execPath, join(dir, "node"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function script(name: string, text: string): void {
  writeFileSync(join(dir, name), text);
  chmodSync(join(dir, name), 0o755);
}

const survey = (...command: string[]) => surveyTarget(command, `${dir}:/usr/bin:/bin`);

describe("what a command is", () => {
  it("is found on PATH, links resolved", () => {
    expect(survey("node", "x.js")).toMatchObject({
      command: ["node", "x.js"],
      file: join(dir, "node"),
      kind: "elf",
      host: { runtime: "node" },
      setuid: false,
    });
  });

  it.each([
    ["plain", "unknown"],
    ["envd", "node"],
    ["with-options", "node"],
    ["nested", "unknown"],
  ])("is the interpreter behind the script %s: %s", (name, runtime) => {
    expect(survey(join(dir, name))).toMatchObject({ kind: "script", file: join(dir, name), host: { runtime } });
  });

  it("is refused when it cannot be started", () => {
    for (const name of ["nosuch", "./nosuch", dir, ""]) {
      expect(() => survey(name)).toThrow(UserError);
    }
  });
});
