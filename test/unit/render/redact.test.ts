import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quoteAll } from "../../../src/diagnose/next-steps.js";
import { Report } from "../../../src/model/report.js";
import { renderers } from "../../../src/render/index.js";
import { renderJson } from "../../../src/render/json.js";
import { redactCommand } from "../../../src/render/redact.js";
import { finding, report } from "./reports.js";

describe("redactCommand", () => {
  it.each([
    [["--password=hunter2"], ["--password=***"]],
    [["--password=p"], ["--password=***"]],
    [
      ["--password", "hunter2", "x"],
      ["--password", "***", "x"],
    ],
    [
      ["--api-key", "abc", "--key", "def"],
      ["--api-key", "***", "--key", "***"],
    ],
    [["DB_PASSWORD=hunter2"], ["DB_PASSWORD=***"]],
    [["Authorization: Bearer abcdef"], ["Authorization: ***"]],
    [["AKIAABCDEFGHIJKLMNOP"], ["***"]],
    [["postgres://user:hunter2@host:5432/db"], ["postgres://user:***@host:5432/db"]],
    [["postgres://user:p@ss@host/db"], ["postgres://user:***@host/db"]],
    [["redis://:hunter2@host"], ["redis://:***@host"]],
    [["https://host/x?a=1&token=abc#y"], ["https://host/x?a=1&token=***#y"]],
  ])("%j", (given, shown) => {
    expect(redactCommand(given)).toEqual(shown);
  });

  it.each([
    [["node", "app.js", "--port", "8080"]],
    [["git", "log", "--author=bob", "--monkey=1"]],
    [["store", "put", "key", "value"]],
    [["http://host:8080/@scope/x"]],
    [["--password", "--verbose"]],
  ])("leaves %j", (given) => {
    expect(redactCommand(given)).toEqual(given);
  });
});

describe("renderJson", () => {
  /** A command line in every place that repeats one. */
  function repeated(command: string[], secret: string): Report {
    const where = { what: `ran with ${secret}`, why: secret, mend: secret };
    return report(
      {
        findings: [
          finding({
            message: `it said: ${secret}`,
            evidence: [`it said: ${secret}`],
            nextSteps: [{ command: `valgrind ${quoteAll(command)}`, why: "w", cost: "c" }],
          }),
        ],
        obstacles: [where],
        letGo: [{ pid: 1, command, threads: [] }],
      },
      {
        command,
        processes: [{ pid: 1, parent: null, command, outcome: { exitCode: 0, signal: null, timedOut: false } }],
      },
    );
  }

  it("masks memory, and gives back a report that the schema allows", () => {
    const parsed = Report.parse(JSON.parse(renderJson(report(), { showMemory: false })));
    expect(parsed.findings[0]?.capture?.memory.map(({ bytes }) => bytes)).toEqual([null]);
  });

  it("lets a secret through nowhere", () => {
    const secret = fc.string({
      unit: fc.constantFrom(..."Zq7$'() .*+\\|"),
      minLength: 8,
      maxLength: 500,
    });
    const shape = fc.constantFrom(
      (text: string) => ["node", `--password=${text}`],
      (text: string) => ["node", "--token", text],
    );
    fc.assert(
      fc.property(secret, shape, (text, place) => {
        const value = `Z${text.trim()}Zq7Zq7`;
        const told = JSON.parse(renderJson(repeated(place(value), value), { showMemory: false })) as Report;
        const all = JSON.stringify(told);
        expect(all).not.toContain(JSON.stringify(value).slice(1, -1));
        // Not even the part that a cut leaves.
        expect(all).not.toContain("Zq7Zq7");
        const cut = told.findings[0]?.nextSteps[0]?.command ?? "";
        expect(cut.replace(/^valgrind node /, "").replaceAll("'\\''", "'")).not.toContain(value.slice(0, 12));
        expect(Report.safeParse(told).success).toBe(true);
      }),
    );
  });

  it.each(["sarif", "junit", "markdown"] as const)("lets a secret through nowhere in %s, either", async (format) => {
    const render = await renderers[format]();
    const options = { runDir: null, verbose: false, width: 80, color: false, failOn: "note", sourceRoot: "/" } as const;
    const given = repeated(["node", "--password=Zq7-hunter2-Zq7", "--token", "tok-Zq7Zq7Zq7"], "Zq7-hunter2-Zq7");
    expect(render(given, { ...options, showMemory: true })).toMatch(/hunter2/);
    expect(render(given, { ...options, showMemory: false })).not.toMatch(/hunter2|Zq7/);
  });

  it("keeps all when asked to", () => {
    const given = repeated(["node", "--password=hunter2"], "hunter2");
    expect(JSON.parse(renderJson(given, { showMemory: true }))).toEqual(given);
  });

  it("leaves the words of a report alone when a secret is one of them", () => {
    const told = JSON.parse(renderJson(repeated(["x", "--auth", "error"], "error"), { showMemory: false })) as Report;
    expect(Report.safeParse(told).success).toBe(true);
    expect(told.findings[0]?.severity).toBe("error");
  });
});
