import { describe, expect, it } from "vitest";
import { type CoreRules, coreRules, explainCores } from "../../../src/survey/core-pattern.js";

const rules = (pattern: string | null, more: Partial<CoreRules> = {}): CoreRules => ({
  pattern,
  usesPid: false,
  soft: null,
  hard: null,
  container: false,
  ...more,
});
const there = (): boolean => true;
const explain = (pattern: string | null, more: Partial<CoreRules> = {}) => explainCores(rules(pattern, more), there);

describe("core_pattern", () => {
  it("is a file in the working directory of the process", () => {
    const advice = explain("core");
    expect(advice).toMatchObject({
      kind: "file",
      handler: null,
      fetch: ["<run the command again>", "ffi-doctor core core"],
    });
    expect(advice.where).toBe("the kernel writes core in the working directory of the process that dies");
    expect(advice.hindrances).toEqual([
      { what: "each core replaces the one before: all are called core", mend: "sysctl -w kernel.core_pattern=core.%p" },
    ]);
  });

  it("has its specifiers spelt out", () => {
    expect(explain("/var/cores/%e.%p.%t%%").where).toBe("the kernel writes /var/cores/<program>.<pid>.<time>%");
    expect(explain("core", { usesPid: true }).fetch.at(-1)).toBe("ffi-doctor core core.<pid>");
    expect(explain("core.%p", { usesPid: true }).fetch.at(-1)).toBe("ffi-doctor core core.<pid>");
    expect(explain("core.%z").where).toContain("writes core. in");
  });

  it("may name a folder that is not there", () => {
    const advice = explainCores(rules("/var/cores/core.%p"), () => false);
    expect(advice.hindrances).toEqual([
      { what: "the folder /var/cores is not there, so that nothing is written", mend: "mkdir -p /var/cores" },
    ]);
  });

  it.each([
    [
      "|/usr/lib/systemd/systemd-coredump %P %u %g %s %t 9223372036854775808 %h",
      "systemd-coredump",
      "coredumpctl dump -o core <pid>",
    ],
    ["|/lib/systemd/systemd-coredump %P %u %g %s %t %c %h", "systemd-coredump", "coredumpctl info <pid>"],
    [
      "|/usr/share/apport/apport -p%p -s%s -c%c -d%d -P%P -u%u -g%g -- %E",
      "apport",
      "apport-unpack /var/crash/<report>.crash crash",
    ],
    ["|/usr/libexec/abrt-hook-ccpp %s %c %p %u %g %t %P %I %h", "abrt", "abrt-cli list"],
    ["|/wsl-capture-crash %t %E %p %s", "wsl-capture-crash", "sysctl -w kernel.core_pattern=core.%p"],
    ["|/opt/own/collector %p", "collector", "sysctl -w kernel.core_pattern=core.%p"],
  ])("may hand the core to a program: %s", (pattern, handler, command) => {
    const advice = explain(pattern);
    expect(advice).toMatchObject({ kind: "pipe", handler });
    expect(advice.fetch).toContain(command);
  });

  it.each(["|/bin/false", "|/bin/true", "/dev/null", ""])("may throw the core away: %j", (pattern) => {
    const advice = explain(pattern);
    expect(advice.kind).toBe("none");
    expect(advice.where).toMatch(/^no core is kept: /);
    expect(advice.fetch[0]).toBe("sysctl -w kernel.core_pattern=core.%p");
  });

  it("is no core without a name only where no pid is put behind it", () => {
    expect(explain("", { usesPid: true })).toMatchObject({ kind: "file" });
  });

  it("is not known where it cannot be read", () => {
    expect(explain(null)).toMatchObject({ kind: "unknown", fetch: [] });
  });
});

describe("the limit", () => {
  it("of 0 is raised in the shell where that is allowed", () => {
    const advice = explain("core.%p", { soft: 0 });
    expect(advice.hindrances).toEqual([
      { what: "this shell's limit is 0 (ulimit -c), so that no core is written", mend: "ulimit -c unlimited" },
    ]);
    expect(advice.fetch[0]).toBe("ulimit -c unlimited");
  });

  it("that is hard needs root", () => {
    const [hindrance] = explain("core.%p", { soft: 0, hard: 0 }).hindrances;
    expect(hindrance?.mend).toContain("prlimit --core=unlimited --pid $$");
    expect(hindrance?.mend).toContain("docker run --ulimit core=-1");
  });

  it("that cuts is told in bytes", () => {
    expect(explain("core.%p", { soft: 1024 }).hindrances[0]?.what).toContain("cuts cores at 1024 bytes");
  });

  it("is not the kernel's business with a pipe", () => {
    expect(explain("|/opt/own/collector", { soft: 0 }).hindrances).toEqual([]);
    expect(explain("|/usr/lib/systemd/systemd-coredump", { soft: 0 }).hindrances[0]?.mend).toBe("ulimit -c unlimited");
  });
});

describe("a container", () => {
  it("has the host's core_pattern", () => {
    const file = explain("core.%p", { container: true }).hindrances.at(-1);
    expect(file?.what).toContain("core_pattern is the host's");
    expect(file?.mend).toContain("on the host: sysctl -w kernel.core_pattern=core.%p");
    const pipe = explain("|/usr/lib/systemd/systemd-coredump %P", { container: true }).hindrances.at(-1);
    expect(pipe?.what).toContain("systemd-coredump runs on the host, where the core stays");
  });
});

it("is read from this machine", () => {
  const here = coreRules({});
  expect(here.pattern).not.toBeNull();
  expect(here.soft === null || typeof here.soft === "number").toBe(true);
});
