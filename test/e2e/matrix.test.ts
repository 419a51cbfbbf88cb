import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Finding } from "../../src/model/finding.js";
import { captured, cleanUp, type Host, hosts, libraries, root } from "./doctor.js";

const GO_FATAL = 2;

interface Expected {
  code: string;
  signal: "SIGSEGV" | "SIGABRT";
  blame: (host: Host) => string;
  /** The innermost function that is somebody's own. */
  site: (host: Host) => RegExp;
  /** The call that crossed, null where the fault is on the host's side. */
  boundary: string | null;
}

const library = (): string => "library";
const shim = (name: string): RegExp => new RegExp(`^ffi_doctor_store::${name}$`);

const twins: Record<string, Expected> = {
  "thread-local-runtime": {
    code: "null-dereference",
    signal: "SIGSEGV",
    blame: library,
    site: () => shim("runtime::Runtime::check_key"),
    boundary: "fds_get",
  },
  "stale-handle": {
    code: "wild-pointer",
    signal: "SIGSEGV",
    blame: library,
    site: () => shim("ffi::stale::block_checksum"),
    boundary: "fds_get",
  },
  "bytes-use-after-free": {
    code: "wild-pointer",
    signal: "SIGSEGV",
    blame: ({ name }) => (name === "c" ? "unknown" : "boundary"),
    site: ({ name, go }) => (name === "c" ? /^checksum_block$/ : go ? /^main\.checksumBlock$/ : /^koffi\.node$/),
    boundary: null,
  },
  "double-free": {
    code: "double-free",
    signal: "SIGABRT",
    blame: library,
    site: () => shim("hot::evict_hot_value"),
    boundary: "fds_free_bytes",
  },
  "panic-across-boundary": {
    code: "panic-across-boundary",
    signal: "SIGABRT",
    blame: library,
    site: () => shim("prefix::trusting::parse_key_prefix"),
    boundary: "fds_scan_open",
  },
  "stack-overflow": {
    code: "stack-overflow",
    signal: "SIGSEGV",
    blame: library,
    site: () => shim("prefix::descend_segment"),
    boundary: "fds_scan_open",
  },
};

const rows: string[] = [];

afterEach(cleanUp);
afterAll(() => {
  // A filtered or failed run must not leave half a table.
  if (rows.length < hosts.length * Object.keys(twins).length) {
    return;
  }
  const head =
    "| host | twin | code | confidence | blame | first-hand site | boundary | first line of the host's own code | target ended |";
  const text = `# Hosts and twins under gdb-capture

Written by \`test/e2e/matrix.test.ts\`, which expects exactly this. Each twin is run alone and after benign traps; the healthy
workload of each host comes out clean both ways, with its own output and status.

${head}
|${"---|".repeat(9)}
${rows.join("\n")}

On a thread of libuv's pool (\`node-async\`) no JavaScript is running: the stack ends in the binding, and no host line is told.
`;
  writeFileSync(join(root, "docs/matrix.md"), text);
});

describe.each(hosts)("gdb-capture on the $name host", (host) => {
  describe.each(Object.entries(twins))("%s", (twin, expected) => {
    it.each([
      ["alone", []],
      ["after benign traps", ["--traps", "3"]],
    ])("is diagnosed, %s", (_name, traps) => {
      const { status, stdout, report, stderr } = run(host, twin, [...traps, twin]);
      expect(stdout).toBe(outputOf(twin, traps.length > 0));
      expect(report?.verdict, stderr).toBe("findings");
      expect(report?.findings).toHaveLength(1);
      expect(status).toBe(1);
      const finding = report?.findings[0] as Finding;
      const site = siteOf(finding);
      expect({
        code: finding.code,
        blame: finding.blame,
        confidence: finding.confidence,
        outcome: report?.run.outcome,
      }).toEqual({
        code: expected.code,
        blame: expected.blame(host),
        confidence: "proved",
        outcome: endsItself(host, twin)
          ? { exitCode: GO_FATAL, signal: null, timedOut: false }
          : { exitCode: null, signal: expected.signal, timedOut: false },
      });
      expect(site).toMatch(expected.site(host));
      const frames = finding.stacks[0]?.frames ?? [];
      const boundary = frames.find((frame) => frame.boundary)?.function ?? null;
      expect(boundary).toEqual(
        expected.boundary === null ? null : expect.stringMatching(new RegExp(`::${expected.boundary}$`)),
      );
      const script = frames.find(({ side }) => side === "script") ?? null;
      if (host.joined || expected.boundary === null) {
        expect(script).toEqual(expect.objectContaining({ file: expect.any(String), line: expect.any(Number) }));
      }
      if (traps.length === 0) {
        const line = script === null ? "-" : `${script.function} ${script.file?.split("/").at(-1)}:${script.line}`;
        const end = endsItself(host, twin) ? `status ${GO_FATAL}` : expected.signal;
        rows.push(
          `| ${host.name} | ${twin} | ${finding.code} | ${finding.confidence} | ${finding.blame} | \`${site}\` | ${boundary === null ? "-" : `\`${expected.boundary}\``} | ${line} | ${end} |`,
        );
      }
    });
  });

  it.each([
    ["the healthy workload", ["healthy"], 0],
    ["benign traps", ["--traps", "5", "healthy"], 0],
    ["benign traps and a status of its own", ["--traps", "2", "--exit", "7", "healthy"], 7],
  ])("finds nothing in %s", (_name, args, own) => {
    const { status, stdout, report } = run(host, "healthy", args);
    const traps = args.includes("--traps") ? `traps survived: ${args[args.indexOf("--traps") + 1]}\n` : "";
    expect({
      status,
      stdout,
      verdict: report?.verdict,
      findings: report?.findings,
      spots: report?.coverage[0]?.blindSpots,
    }).toEqual({
      status: own,
      stdout: `scenario healthy: ok\n${traps}done\n`,
      verdict: "clean",
      findings: [],
      spots: [],
    });
    expect(report?.run.outcome).toEqual({ exitCode: own, signal: null, timedOut: false });
    expect(report?.run.libraries.map(({ path }) => path.split("/").at(-1))).toContain("libffi_doctor_store.so");
  });
});

/** Go ends with a status of its own; Go 1.19's handler pushes a frame on the stack that has just run over, and dies of it. */
function endsItself(host: Host, twin: string): boolean {
  return host.go && !(host.name === "go-1.19" && twin === "stack-overflow");
}

function run(host: Host, variant: string, args: readonly string[]) {
  return captured(["--", ...host.command, ...args], { env: { LD_LIBRARY_PATH: join(libraries, variant) } });
}

function outputOf(twin: string, traps: boolean): string {
  return `scenario healthy: ok\n${traps ? "traps survived: 3\n" : ""}trigger ${twin}: running\n`;
}

/** As a reader would say where it is: the innermost frame that is neither the system's nor a panic's own machinery. */
function siteOf(finding: Finding): string {
  const own = finding.stacks[0]?.frames.find(
    ({ side, function: name }) => side !== "system" && !/^<?(core|std|alloc|__rustc)::/.test(name ?? ""),
  );
  return own?.function ?? own?.module?.split("/").at(-1) ?? "";
}
