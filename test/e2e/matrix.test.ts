import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Finding } from "../../src/model/finding.js";
import { captured, cleanUp, libraries, root } from "./doctor.js";
import { commandOf, type Host, hosts, newJava } from "./hosts.js";
import { type Cell, type Seen, twinsOf } from "./twins.js";

/** `npm run matrix` runs each pair alone and after benign traps; `npm test` once, in turn the one and the other. */
const whole = process.env["FFI_DOCTOR_MATRIX"] === "whole";
const page = join(root, "docs/matrix.md");

type Way = [name: string, arguments: string[]];
const ALONE: Way = ["alone", []];
const TRAPPED: Way = ["after benign traps", ["--traps", "3"]];
type Healthy = [name: string, arguments: string[], status: number];
const PLAIN: Healthy = ["the healthy workload", ["healthy"], 0];

const rows = new Map<string, string>();
const pairs = hosts.flatMap((host) =>
  Object.entries(twinsOf(host)).map(([twin, row]) => ({
    host,
    twin,
    cell: row(host),
  })),
);

afterEach(cleanUp);
afterAll(() => {
  // A filtered or failed run must not leave half a table.
  if (rows.size === pairs.length) {
    writeFileSync(page, document());
  }
});

describe("the hosts", () => {
  it("are all here but for those that a distribution may not have", () => {
    const everywhere = [
      "c",
      "c-loader",
      "go",
      "go-static",
      "node",
      "node-async",
      "node-worker",
      "napi",
      "python",
      "python-cffi",
      "rust",
      "java",
    ];
    expect(hosts.map(({ name }) => name)).toEqual(expect.arrayContaining(everywhere));
  });

  it.skipIf(newJava() === null)("have java.lang.foreign among them", () => {
    expect(hosts.map(({ name }) => name)).toContain("java-ffm");
  });
});

describe.each(hosts)("gdb-capture on the $name host", (host) => {
  const own = pairs.map((pair, i) => ({ ...pair, i })).filter((pair) => pair.host === host);

  describe.each(own)("$twin", ({ twin, cell, i }) => {
    const isLoader = host.kind === "c-loader";
    const ways = isLoader ? [ALONE] : whole ? [ALONE, TRAPPED] : i % 2 === 0 ? [ALONE] : [TRAPPED];
    it.each(ways)("is told, %s", { retry: isChancy(host, twin) ? 2 : 0 }, (_name, traps) => {
      const variant = existsSync(join(libraries, twin)) ? twin : "healthy";
      const told = run(host, variant, [...traps, twin]);
      expect(ownOutput(host, told.stdout)).toBe(outputOf(twin, traps.length > 0, cell));
      if ("notSeen" in cell) {
        const { status, report } = told;
        expect({ status, verdict: report?.verdict, findings: report?.findings.map(({ title }) => title) }).toEqual({
          status: cell.status,
          verdict: "clean",
          findings: [],
        });
        rows.set(`${host.name} ${twin}`, `| ${host.name} | ${twin} | not seen: ${cell.notSeen} | | | | | | |`);
        return;
      }
      expect(told.report?.verdict, told.stderr).toBe("findings");
      expect(told.report?.findings).toHaveLength(1);
      expect(told.status).toBe(1);
      const finding = told.report?.findings[0] as Finding;
      const { boundary, site, script } = shownBy(finding);
      const { code, blame, confidence } = finding;
      expect({ code, blame, confidence, boundary }).toEqual({
        code: cell.code,
        blame: cell.blame,
        confidence: cell.confidence ?? confidence,
        boundary: cell.boundary,
      });
      expect(site).toMatch(cell.site);
      const { exitCode, signal } = told.report?.run.outcome ?? {};
      if (cell.end !== null) {
        expect(signal ?? exitCode).toBe(cell.end);
      }
      if (host.joined && cell.boundary !== null && !cell.boundary.startsWith("{")) {
        expect(script).not.toBe("-");
      }
      rows.set(`${host.name} ${twin}`, rowOf(host, twin, cell, { code, blame, confidence, site, script }));
    });
  });

  const healthy: Healthy[] = [
    PLAIN,
    ["benign traps", ["--traps", "5", "healthy"], 0],
    ["benign traps and a status of its own", ["--traps", "2", "--exit", "7", "healthy"], 7],
  ];
  it.each(host.kind === "c-loader" ? [PLAIN] : healthy)("finds nothing in %s", (_name, args, own) => {
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
  });
});

/**
 * node is not position-independent: in two runs of a hundred the cut address is mapped, and the program itself reads it and goes on. And
 * where threads come and go, the page that a late callback writes to may be somebody else's by then.
 */
function isChancy(host: Host, twin: string): boolean {
  return (
    (twin === "truncated-pointer" || twin === "callback-after-close") && (host.kind === "node" || host.kind === "napi")
  );
}

function run(host: Host, variant: string, args: readonly string[]) {
  return captured(["--", ...commandOf(host.command, variant), ...args], {
    env: { LD_LIBRARY_PATH: join(libraries, variant) },
  });
}

/** A JVM that dies tells its own story on standard output, after the program's. */
function ownOutput(host: Host, stdout: string): string {
  return host.kind === "java" || host.kind === "ffm"
    ? stdout.replace(/^(\[\d|\[thread|\[error|#)[\s\S]*/m, "")
    : stdout;
}

function outputOf(twin: string, traps: boolean, cell: Cell): string {
  const survives = "notSeen" in cell && cell.status === 0;
  return `scenario healthy: ok\n${traps ? "traps survived: 3\n" : ""}trigger ${twin}: running\n${survives ? `trigger ${twin}: ok\ndone\n` : ""}`;
}

/** As a reader would say where it is: the innermost frame that is neither the system's nor a panic's own machinery. */
function shownBy(finding: Finding): { site: string; boundary: string | null; script: string } {
  const frames = finding.stacks[0]?.frames ?? [];
  const own = frames.find(
    ({ side, function: name }) => side !== "system" && !/^<?(core|std|alloc|__rustc)::/.test(name ?? ""),
  );
  const script = frames.find(({ side, file }) => side === "script" && file !== null);
  return {
    site: own?.function ?? own?.module?.split("/").at(-1) ?? "",
    boundary: frames.find((frame) => frame.boundary)?.function?.replace(/^.*::(?=[^:]+$)/, "") ?? null,
    script:
      script === undefined
        ? "-"
        : `${script.function} ${script.file?.split("/").at(-1)}${script.line === null ? "" : `:${script.line}`}`,
  };
}

function rowOf(
  host: Host,
  twin: string,
  cell: Seen,
  told: { code: string; blame: string; confidence: string; site: string; script: string },
): string {
  const end = cell.end === null ? "either way" : typeof cell.end === "number" ? `status ${cell.end}` : cell.end;
  const boundary = cell.boundary === null ? "-" : `\`${cell.boundary}\``;
  const plain = (text: string): string => text.replace(/_cgo_[0-9a-f]+_/, "_cgo_");
  return `| ${host.name} | ${twin} | ${told.code} | ${told.confidence} | ${told.blame} | \`${plain(told.site)}\` | ${boundary} | ${plain(told.script)} | ${end} |`;
}

function document(): string {
  const head =
    "| host | twin | code | confidence | blame | first-hand site | boundary | first line of the host's own code | target ended |";
  const kept = existsSync(page) ? (/^Last run as a whole:.*$/m.exec(readFileSync(page, "utf8"))?.[0] ?? null) : null;
  const today = `Last run as a whole: ${new Date().toISOString().slice(0, 10)}, ${pairs.length} pairs, each both ways.`;
  return `# Hosts and twins under gdb-capture

Written by \`test/e2e/matrix.test.ts\`, which expects exactly this. \`npm test\` runs each pair once, in turn alone and after benign
traps; \`npm run matrix\` runs each both ways. The healthy workload of each host comes out clean both ways, with its own output and
status.

${whole ? today : (kept ?? "Never run as a whole yet.")}

${head}
|${"---|".repeat(9)}
${pairs.map(({ host, twin }) => rows.get(`${host.name} ${twin}`)).join("\n")}

On a thread of libuv's pool (\`node-async\`) no JavaScript is running: the stack ends in the binding, and no host line is told. "Not
seen" is what a crash cannot show; the reason says which instrument could.
`;
}
