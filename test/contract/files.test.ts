import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { filesUnder } from "./project-files.js";

const LONGEST = 400;
/** Written by a tool, or recorded from one. */
const RECORDED = /^(package-lock\.json|docs\/schema\/|fixtures\/raw\/|test\/golden\/)|\.lock$/;
const TEXT = /\.(ts|mjs|cjs|js|rs|c|h|go|py|sh|json|md|toml|lock|yml)$|^\.npmrc$|^run$/;

/** Taken apart, so that this file does not hold what it forbids. */
const registries = [
  "registry.npmjs.org",
  "registry.yarnpkg.com",
  "static.crates.io",
  "index.crates.io",
  "proxy.golang.org",
];
const registryHosts = new RegExp(registries.map((host) => host.replaceAll(".", "[.]")).join("|"));
const homes = ["work", "root", "home/[a-z]\\w*"].map((folder) => `/${folder}/`).join("|");
const ownPaths = new RegExp(`(?<![\\w.$}~*)-])(${homes})`);

const written = filesUnder(".", TEXT);
const linesOf = (file: string) => readFileSync(file, "utf8").split("\n");

function places(pattern: RegExp): string[] {
  return written
    .filter((file) => file !== "test/contract/files.test.ts")
    .flatMap((file) =>
      linesOf(file).flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
    );
}

describe("the files of the project", () => {
  it(`have at most ${LONGEST} lines`, () => {
    const long = written
      .filter((file) => !RECORDED.test(file) && /\.(ts|mjs|cjs|js|rs|c|h|go|py|sh)$/.test(file))
      .map((file) => ({ file, lines: linesOf(file).length - 1 }))
      .filter(({ lines }) => lines > LONGEST);
    expect(long).toEqual([]);
  });

  it("name no package registry, so that every machine uses its own", () => {
    expect(places(registryHosts)).toEqual([]);
  });

  it("hold no path of the machine they were written on", () => {
    expect(places(ownPaths)).toEqual([]);
  });

  it("keep where packages came from out of the lockfile", () => {
    expect(readFileSync("package-lock.json", "utf8")).not.toContain('"resolved"');
  });

  it("have a lockfile that npm ci accepts on every platform", () => {
    const { status, stderr } = spawnSync(process.execPath, ["scripts/complete-lockfile.mjs", "--check"], {
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
});

describe("the allowed skips", () => {
  it("each have a name and a reason", () => {
    const { allowedSkips } = JSON.parse(readFileSync("test/conditions.json", "utf8")) as {
      allowedSkips: { name: string; reason: string }[];
    };
    for (const { name, reason } of allowedSkips) {
      expect([name, reason]).toEqual([expect.stringMatching(/\S/), expect.stringMatching(/\S{3}/)]);
    }
  });
});
