import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Report } from "../../src/model/report.js";
import { renderJunit } from "../../src/render/junit.js";
import { renderMarkdown } from "../../src/render/markdown.js";
import { renderSarif } from "../../src/render/sarif/sarif.js";
import { reportSession } from "../../src/session/report.js";
import { junitProblems, sarifProblems } from "../unit/render/schemas.js";

// Every recording there is, in the formats for machines and code hosts: valid for all, and word for word for some of each kind.

const root = join(import.meta.dirname, "../../fixtures/raw");
const folders = (path: string): string[] => readdirSync(path).map((name) => join(path, name));
const recordings = folders(root)
  .flatMap(folders)
  .flatMap(folders)
  .map((path) => ({ path, name: path.slice(root.length + 1) }));

const whole = [
  "gdb/13.1/c-double-free",
  "gdb/13.1/clean",
  "gdb/13.1/go-panic",
  "asan/gcc-12/node-stale-handle",
  "valgrind/3.19.0/memory-leak",
];

/** As of version 0.0.0, so that a release does not change them. */
function reportOf(path: string): Report {
  const { report } = reportSession([path], { libs: [], baseline: null });
  return { ...report, tool: { ...report.tool, version: "0.0.0" } };
}

const sarif = (report: Report): string => renderSarif(report, { showMemory: false, sourceRoot: "/src/ffi-doctor" });
const junit = (report: Report): string => renderJunit(report, { showMemory: false, failOn: "error" });
const markdown = (report: Report): string => renderMarkdown(report, { showMemory: false });

describe.each(recordings)("$name", ({ path }) => {
  it("is valid SARIF and valid JUnit XML", async () => {
    const report = reportOf(path);
    expect(sarifProblems(JSON.parse(sarif(report)))).toEqual([]);
    expect(await junitProblems(junit(report))).toEqual([]);
  });
});

describe.each(whole)("%s", (name) => {
  const file = (ending: string): string => `formats/${name.replaceAll("/", "-")}.${ending}`;

  it("gives the same SARIF, JUnit XML and Markdown", async () => {
    const report = reportOf(join(root, name));
    await expect(sarif(report)).toMatchFileSnapshot(file("sarif.json"));
    await expect(junit(report)).toMatchFileSnapshot(file("junit.xml"));
    await expect(markdown(report)).toMatchFileSnapshot(file("md"));
  });
});
