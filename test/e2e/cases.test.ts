import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { captured, cleanUp, root } from "./doctor.js";

const build = join(root, "fixtures/cases/build");
const host = join(build, "host");
const lib = (name: string): string => join(build, `lib${name}.so`);

/** Code, who is blamed, how sure, and where; the fixture is named after the code. */
const crashes: Record<string, { blame: string; confidence: string; site: string | null }> = {
  abort: { blame: "library", confidence: "proved", site: "checked" },
  "arithmetic-fault": { blame: "library", confidence: "proved", site: "average" },
  "bad-code-pointer": { blame: "library", confidence: "proved", site: null },
  "bus-error": { blame: "library", confidence: "proved", site: "last" },
  "call-after-unload": { blame: "boundary", confidence: "proved", site: null },
  "double-free": { blame: "library", confidence: "proved", site: "evict" },
  "exception-across-boundary": { blame: "library", confidence: "proved", site: null },
  "illegal-instruction": { blame: "library", confidence: "proved", site: "kind_of" },
  "invalid-free": { blame: "library", confidence: "likely", site: "release" },
  "misaligned-pointer": { blame: "library", confidence: "proved", site: "sum" },
  "native-crash": { blame: "library", confidence: "proved", site: "quiesce" },
  "null-dereference": { blame: "library", confidence: "proved", site: "size_of" },
  "poisoned-pointer": { blame: "library", confidence: "likely", site: "second" },
  "stack-buffer-overflow": { blame: "library", confidence: "proved", site: "greet" },
  "stack-overflow": { blame: "library", confidence: "proved", site: "depth" },
  "truncated-pointer": { blame: "library", confidence: "likely", site: "read_through" },
  "wild-pointer": { blame: "library", confidence: "proved", site: "load" },
  "write-to-readonly": { blame: "library", confidence: "proved", site: "upper" },
};

afterEach(cleanUp);

describe("a case", () => {
  it("is expected for each fixture there is", () => {
    const built = readdirSync(build).filter((name) => name.startsWith("lib") && name.endsWith(".so"));
    expect(built.map((name) => name.slice(3, -3)).sort()).toEqual([...Object.keys(crashes), "missing-symbol"].sort());
  });

  it.each(Object.entries(crashes))("%s is recognised", (code, expected) => {
    const { report, status, stderr } = captured(["--", host, lib(code), "broken"]);
    expect(status, stderr).toBe(1);
    expect(report?.findings).toHaveLength(1);
    const finding = report?.findings[0];
    const site = finding?.stacks[0]?.frames.find(({ side }) => side === "library")?.function ?? null;
    expect({ code: finding?.code, blame: finding?.blame, confidence: finding?.confidence }).toEqual({
      code,
      blame: expected.blame,
      confidence: expected.confidence,
    });
    if (expected.site !== null) {
      expect(site).toBe(expected.site);
    }
    expect(existsSync(join(root, finding?.docs ?? "missing"))).toBe(true);
    expect(stderr).toContain(finding?.title.slice(0, 20));
  });

  it.each(Object.keys(crashes))("%s has a healthy twin that is clean", (code) => {
    const { report, status, stdout } = captured(["--", host, lib(code), "healthy"]);
    expect({ status, stdout, verdict: report?.verdict }).toEqual({
      status: 0,
      stdout: "host: done\n",
      verdict: "clean",
    });
  });
});

describe("what the dynamic linker could not do", () => {
  it("is a finding when the host dies of a missing symbol", () => {
    const { report, status } = captured(["--", host, lib("missing-symbol"), "broken"]);
    expect(status).toBe(1);
    expect(report?.findings).toMatchObject([
      { code: "missing-symbol", title: "libmissing-symbol.so has no symbol entry" },
    ]);
  });

  it("is a finding when the host dies of a missing library", () => {
    const { report } = captured(["--", host, "./libnosuch.so", "broken"]);
    expect(report?.findings).toMatchObject([{ code: "library-not-loadable", confidence: "likely" }]);
  });

  it("is a finding for a library of another machine", () => {
    const { report } = captured(["--", host, join(root, "package.json"), "broken"]);
    expect(report?.findings).toMatchObject([
      { code: "library-not-loadable", title: "package.json cannot be loaded: not a library for this machine" },
    ]);
  });

  it("is none when the program goes on", () => {
    const script =
      "try { require('node:process').dlopen({ exports: {} }, './nosuch.node') } catch {} setTimeout(() => process.exit(3), 1500)";
    const { report, status } = captured(["--", process.execPath, "-e", script]);
    expect({ status, findings: report?.findings }).toEqual({ status: 3, findings: [] });
  });
});
