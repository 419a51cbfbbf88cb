import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { formats } from "../../src/model/vocabulary.js";

interface Step {
  run?: string;
  uses?: string;
  with?: Record<string, unknown>;
}
const read = (file: string): unknown => parse(readFileSync(`docs/ci/${file}`, "utf8"));
const page = readFileSync("docs/commands/ci.md", "utf8");

/** What a job has run that calls ffi-doctor; each word of it is known to the command. */
function checkCommand(lines: readonly string[], folder: string): void {
  const calls = lines.filter((line) => line.includes("ffi-doctor ci"));
  expect(calls).toHaveLength(1);
  const [call = ""] = calls;
  expect(call).toMatch(/^npx --no -- ffi-doctor ci /);
  for (const [option] of call.matchAll(/ --[a-z][a-z-]+/g)) {
    expect(page).toContain(`\`${option.trim()}`);
  }
  for (const [, format, file] of call.matchAll(/--format (\w+)=(\S+)/g)) {
    expect(formats).toContain(format);
    expect(file?.startsWith(`${folder}/`)).toBe(true);
  }
}

describe("the jobs to copy", () => {
  it("for GitHub keeps what it writes, also when it fails", () => {
    const { jobs } = read("github.yml") as { jobs: Record<string, { steps: (Step & { if?: string })[] }> };
    const steps = jobs["ffi-doctor"]?.steps ?? [];
    checkCommand(
      steps.flatMap(({ run }) => run?.split("\n") ?? []),
      "ffi-doctor-ci",
    );
    const after = steps.slice(steps.findIndex(({ run }) => run?.includes("ffi-doctor ci")) + 1);
    expect(after.every((step) => step.if?.startsWith("always()"))).toBe(true);
    expect(after.at(-1)?.with?.["path"]).toBe("ffi-doctor-ci");
  });

  it("for GitLab keeps what it writes, also when it fails", () => {
    const { "ffi-doctor": job } = read("gitlab.yml") as Record<
      string,
      { script: string[]; artifacts: { when: string; paths: string[]; reports: { junit: string } } }
    >;
    checkCommand(job?.script ?? [], "ffi-doctor-ci");
    expect(job?.artifacts).toMatchObject({ when: "always", paths: ["ffi-doctor-ci"] });
    expect(job?.script.join()).toContain(`junit=${job?.artifacts.reports.junit}`);
  });
});
