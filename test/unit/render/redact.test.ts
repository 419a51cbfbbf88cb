import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quoteAll } from "../../../src/diagnose/next-steps.js";
import { Report } from "../../../src/model/report.js";
import { formats } from "../../../src/model/vocabulary.js";
import { renderers } from "../../../src/render/index.js";
import { renderJson } from "../../../src/render/json.js";
import { redactCommand, redactReport, secretsOfEnvironment } from "../../../src/render/redact.js";
import { event, finding, frame, report } from "./reports.js";

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

/** A secret in every place where a target, a user or a configuration may have put it. */
function everywhere(secret: string, command: string[], interventions: Report["run"]["interventions"]): Report {
  const said = `it said: ${secret}`;
  const where = { what: said, why: said, mend: said };
  const { capture } = finding();
  const thread = { tid: 1, name: secret, faulting: false, goroutine: null, frames: [frame(0)], truncated: said };
  const bad = finding({
    title: said,
    message: said,
    blameReason: said,
    evidence: [said],
    signal: { name: "SIGABRT", code: "SI_TKILL", address: null, forged: true, insn: null, thread: `1 ${secret}` },
    timeline: [event(0, { why: said, threadName: secret })],
    stacks: [{ role: "fault", thread: `1 ${secret}`, truncated: said, frames: [frame(0)] }],
    boundaryCalls: [
      {
        seq: 0,
        thread: "1",
        function: "connect",
        args: [{ name: "url", type: "char *", value: "0x1", pointee: secret }],
        result: secret,
        caller: null,
        durationNs: null,
      },
    ],
    nextSteps: [{ command: `valgrind ${quoteAll(command)}`, why: said, cost: "c" }],
    ...(capture === undefined
      ? {}
      : { capture: { ...capture, threads: [thread], pickReason: said, incomplete: said } }),
  });
  const outcome = { exitCode: 0, signal: null, timedOut: false };
  return report(
    {
      findings: [bad],
      obstacles: [where],
      letGo: [{ pid: 1, command, threads: [thread] }],
      suppressed: [{ fingerprint: "f", reason: said, expires: null, code: "abort", title: said }],
      baseline: { file: "b.json", gone: [{ fingerprint: "g", code: "abort", title: said }] },
      notices: [said],
      coverage: [{ probe: "gdb", lookedFor: [said], blindSpots: [where], notShown: [{ what: said, count: 1 }] }],
    },
    { command, interventions, processes: [{ pid: 1, parent: null, command, outcome }] },
  );
}

describe("a secret", () => {
  const options = { runDir: null, verbose: true, width: 80, color: false, failOn: "note", sourceRoot: "/" } as const;

  /** All formats as they are shared: the terminal's as it goes to a file. */
  async function shared(given: Report, secrets: string[]): Promise<string[]> {
    const redaction = { showMemory: false, secrets };
    return Promise.all(
      formats.map(async (format) => {
        const render = await renderers[format]();
        return render(format === "terminal" ? redactReport(given, redaction) : given, { ...options, ...redaction });
      }),
    );
  }

  const places: [string, (secret: string) => { command?: string[]; what?: string; environment?: string }][] = [
    ["an option's value", (secret) => ({ command: ["node", `--password=${secret}`] })],
    ["the word behind an option", (secret) => ({ command: ["node", "--token", secret] })],
    ["an address", (secret) => ({ command: ["psql", `postgres://me:${secret}@host/db`] })],
    ["a variable that was added to", (secret) => ({ what: `JAVA_TOOL_OPTIONS=-Dx.password=${secret} -Xcheck:jni` })],
    ["NODE_OPTIONS", (secret) => ({ what: `NODE_OPTIONS=--api-key ${secret} --perf-basic-prof` })],
    ["a variable of the environment", (secret) => ({ environment: secret })],
  ];

  it.each(places)("in %s is in none of the formats", async (_, place) => {
    const word = fc.string({ unit: fc.constantFrom(..."Zq7$.*+-_"), minLength: 8, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(word, async (middle) => {
        const secret = `Z${middle}Zq7Zq7`;
        const { command = ["node", "app.js"], what, environment } = place(secret);
        const interventions = what === undefined ? [] : [{ kind: "environment" as const, what, why: "w" }];
        const secrets = environment === undefined ? [] : secretsOfEnvironment({ API_TOKEN: environment });
        const texts = await shared(everywhere(secret, command, interventions), secrets);
        for (const text of texts) {
          // A narrow page breaks lines within words.
          expect(text.replace(/\s+/g, "")).not.toContain("Zq7Zq7");
        }
      }),
      { numRuns: 15 },
    );
  });

  it.each([
    ["connect to postgres://me:hunter2@host/db failed", "connect to postgres://me:***@host/db failed"],
    ["key AKIAABCDEFGHIJKLMNOP is not known", "key *** is not known"],
    ["GET /x?a=1&access_token=abc HTTP/1.1", "GET /x?a=1&access_token=*** HTTP/1.1"],
    ["Authorization: Bearer abc.def", "Authorization: Bearer ***"],
    ['bad settings {"password": "hunter2"}', 'bad settings {"password": "***"}'],
    ["DB_PASSWORD=hunter2, DB=x", "DB_PASSWORD=***, DB=x"],
    ["-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- was bad", "*** was bad"],
  ])("that the target tells by itself is masked: %s", (said, shown) => {
    const { findings } = redactReport(report({ findings: [finding({ message: said })] }), { showMemory: false });
    expect(findings[0]?.message).toBe(shown);
  });

  it.each([
    "auth::Token::parse read 8 bytes at 0x18",
    "crossed with key=0x7f00, token=12",
    "the block was allocated by make_key (token.c:4), in the call of auth_open",
    "ASAN_OPTIONS=handle_abort=1:exitcode=99",
  ])("is none of this: %s", (said) => {
    const { findings } = redactReport(report({ findings: [finding({ message: said })] }), { showMemory: false });
    expect(findings[0]?.message).toBe(said);
  });

  it("of the environment is a value of a telling name or shape, neither short nor a path", () => {
    expect(
      secretsOfEnvironment({
        API_TOKEN: "abcdefgh",
        DATABASE_URL: "postgres://me:hunter2hunter2@host/db",
        SSH_AUTH_SOCK: "/tmp/ssh/agent",
        TOKENIZERS_PARALLELISM: "false",
        PATH: "/usr/bin:/bin",
        SOME: "AKIAABCDEFGHIJKLMNOP",
        NONE: undefined,
      }),
    ).toEqual(["abcdefgh", "hunter2hunter2", "AKIAABCDEFGHIJKLMNOP"]);
  });
});
