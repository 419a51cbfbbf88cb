import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UserError } from "../../../src/model/errors.js";
import { loadConfig } from "../../../src/session/ci/config-file.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ffi-doctor-config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const RUN = { name: "a", command: ["true"], instruments: ["gdb-capture"] };
const FILE = "ffi-doctor.config.json";

function write(name: string, content: unknown): void {
  writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
}

/** What a person would read: the sentence, the hint, and the lines below. */
async function refusal(named: string | null = null): Promise<string[]> {
  const error: unknown = await loadConfig(named, folder).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  const { exitCode, message, hint, details } = error as UserError;
  expect(exitCode).toBe(2);
  return [message, hint ?? "", ...details];
}

describe("a configuration", () => {
  it("may leave out all that has a default", async () => {
    write(FILE, { $schema: "./schema.json", runs: [RUN] });
    expect(await loadConfig(null, folder)).toMatchObject({
      file: FILE,
      folder,
      config: {
        lib: [],
        failOn: "error",
        timeout: 600,
        runs: [{ ...RUN, env: {}, with: [], expectStatus: 0 }],
        suppressions: [],
        baseline: null,
        outputs: [],
      },
    });
  });

  it.each([
    ["ffi-doctor.config.js", `export default { runs: [${JSON.stringify(RUN)}] };`],
    ["ffi-doctor.config.mjs", `export default { runs: [${JSON.stringify(RUN)}] };`],
    ["ffi-doctor.config.cjs", `module.exports = { runs: [${JSON.stringify(RUN)}] };`],
    [
      "ffi-doctor.config.ts",
      `const name: string = "a"; export default { runs: [{ ...${JSON.stringify(RUN)}, name }] };`,
    ],
    ["package.json", `{ "name": "x", "ffi-doctor": { "runs": [${JSON.stringify(RUN)}] } }`],
  ])("may be %s", async (name, text) => {
    write(name, text);
    expect((await loadConfig(null, folder)).config.runs[0]?.name).toBe("a");
  });

  it("may begin with a byte order mark", async () => {
    write(FILE, `\uFEFF${JSON.stringify({ runs: [RUN] })}`);
    expect((await loadConfig(null, folder)).config.runs[0]?.name).toBe("a");
  });

  it("that is a script may import another file", async () => {
    write("runs.ts", `export const runs: object[] = [${JSON.stringify(RUN)}];`);
    write("ffi-doctor.config.ts", `import { runs } from "./runs.js"; export default { runs };`);
    expect((await loadConfig(null, folder)).config.runs[0]?.name).toBe("a");
  });

  it("that is named goes before the one that is there, and its folder is its own", async () => {
    write(FILE, { runs: [RUN] });
    mkdirSync(join(folder, "inner"));
    write("inner/own.json", { runs: [{ ...RUN, name: "b" }] });
    const { config, folder: base } = await loadConfig("inner/own.json", folder);
    expect([config.runs[0]?.name, base]).toEqual(["b", join(folder, "inner")]);
  });

  it("is not looked for in the folders above", async () => {
    write(FILE, { runs: [RUN] });
    mkdirSync(join(folder, "inner"));
    await expect(loadConfig(null, join(folder, "inner"))).rejects.toThrow("there is no configuration here");
  });
});

describe("what is no configuration", () => {
  it("is nothing at all: a small example is shown", async () => {
    const [message, , ...example] = await refusal();
    expect(message).toContain("there is no configuration here");
    write(FILE, example.join("\n"));
    await expect(loadConfig(null, folder)).resolves.toMatchObject({ config: { lib: ["libexample.so"] } });
  });

  it.each([
    ["package.json without the key", "package.json", { name: "x" }, "package.json has no configuration"],
    ["an empty file", FILE, "", "has no configuration"],
    ["null", FILE, "null", "has no configuration"],
    ["no JSON", FILE, '{ "runs": [', "cannot be read"],
    ["a script that throws", "ffi-doctor.config.js", 'throw new Error("boom");', "boom"],
    ["a script with a mistake", "ffi-doctor.config.ts", "export default {", "cannot be read"],
    ["a script that exports a function", "ffi-doctor.config.js", "export default () => 1;", "a function is no object"],
    ["a list", FILE, [], "a list is no object"],
  ])("is %s", async (_what, name, content, said) => {
    write(name, content);
    expect((await refusal())[0]).toContain(said);
  });

  it("is one of two", async () => {
    write(FILE, { runs: [RUN] });
    write("ffi-doctor.config.ts", "export default {}");
    expect((await refusal())[0]).toContain("two configurations here: ffi-doctor.config.json and ffi-doctor.config.ts");
  });

  it("is a name of nothing, of a folder, or of a kind that cannot be read", async () => {
    write("ci.yaml", "runs: []");
    mkdirSync(join(folder, "dir.json"));
    expect((await refusal("none.json"))[0]).toBe("the configuration none.json is not there");
    expect((await refusal("dir.json"))[0]).toBe("the configuration dir.json is no file");
    expect((await refusal("ci.yaml"))[0]).toContain("of no kind that can be read");
  });
});

describe("a mistake is told with its key and a hint", () => {
  it.each([
    [{}, "runs: it is missing", '"instruments"'],
    [{ runs: [] }, "runs: it is empty", '"instruments"'],
    [{ runs: [RUN], timout: 3 }, "timout: there is no such key", "did you mean timeout?"],
    [{ runs: [RUN], zzzzzz: 3 }, "zzzzzz: there is no such key", "the keys here are $schema, lib"],
    [{ runs: [{ ...RUN, instrument: 1 }] }, "runs[0].instrument: there is no such key", "did you mean instruments?"],
    [{ runs: [{ ...RUN, name: undefined }] }, "runs[0].name: it is missing", "letters, digits"],
    [{ runs: [{ ...RUN, name: "../up" }] }, 'runs[0].name: "../up" cannot stand here', "letters, digits"],
    [{ runs: [{ ...RUN, name: "report.json" }] }, 'runs[0].name: "report.json" cannot', "not report.json"],
    [{ runs: [{ ...RUN, name: "x".repeat(99) }] }, "is too long", "letters, digits"],
    [{ runs: [{ ...RUN, command: "node a.js" }] }, "runs[0].command: a text is no list", '["node", "test.js"]'],
    [{ runs: [{ ...RUN, command: [] }] }, "runs[0].command: it is empty", '["node", "test.js"]'],
    [{ runs: [{ ...RUN, command: [""] }] }, "runs[0].command[0]: the first word", '["node", "test.js"]'],
    [{ runs: [{ ...RUN, command: ["a", 1] }] }, "runs[0].command[1]: the number 1 is no text", '["node", "test.js"]'],
    [{ runs: [{ ...RUN, instruments: [] }] }, "runs[0].instruments: it is empty", '["gdb-capture", "valgrind"]'],
    [
      { runs: [{ ...RUN, instruments: ["asan", "valgrnd"] }] },
      'runs[0].instruments[1]: "valgrnd" is not known here',
      "did you mean valgrind? it is one of run, gdb-capture, valgrind, asan",
    ],
    [{ runs: [{ ...RUN, instruments: ["asan", "asan"] }] }, "runs[0].instruments[1]: asan is there twice", "remove"],
    [
      { runs: [{ ...RUN, sanitizer: "thread" }] },
      "runs[0].sanitizer: only asan uses it",
      "add asan to its instruments",
    ],
    [{ runs: [RUN, RUN] }, "runs[1].name: a is the name of runs[0] already", "name of its own"],
    [{ runs: [{ ...RUN, env: { A: 1 } }] }, "runs[0].env.A: the number 1 is no text", "null unsets"],
    [{ runs: [{ ...RUN, env: { "A=B": "1" } }] }, "runs[0].env.A=B: this cannot be the name of an environment", ""],
    [{ runs: [{ ...RUN, timeout: 0 }] }, "runs[0].timeout: 0 is too small", "null for no limit"],
    [{ runs: [{ ...RUN, expectStatus: 256 }] }, "runs[0].expectStatus: 256 is too big", "from 0 to 255"],
    [{ runs: [{ ...RUN, expectStatus: 1.5 }] }, "runs[0].expectStatus: the number 1.5 is no whole number", "from 0"],
    [{ runs: [{ ...RUN, with: ["cgocheckk"] }] }, 'runs[0].with[0]: "cgocheckk"', "did you mean cgocheck?"],
    [{ runs: [RUN], failOn: "never" }, 'failOn: "never" is not known here', "error, warning, note"],
    [{ runs: [RUN], timeout: "1" }, "timeout: a text is no number", "null for no limit"],
    [{ runs: [RUN], baseline: 3 }, "baseline: the number 3 is no text", "--update-baseline"],
    [{ runs: [RUN], outputs: [{ format: "xml", file: "a" }] }, 'outputs[0].format: "xml"', "json"],
    [{ runs: [RUN], outputs: [{ format: "json" }] }, "outputs[0].file: it is missing", ""],
    [{ runs: [RUN], suppressions: [{ reason: "x", expires: null }] }, "suppressions[0]: says nothing", "at least one"],
    [
      { runs: [RUN], suppressions: [{ code: "double-fre", reason: "x", expires: null }] },
      'suppressions[0].code: "double-fre" is not known here',
      "did you mean double-free?",
    ],
    [
      { runs: [RUN], suppressions: [{ code: "abort", expires: null }] },
      "suppressions[0].reason: it is missing",
      "say why",
    ],
    [
      { runs: [RUN], suppressions: [{ code: "abort", reason: " ", expires: null }] },
      "suppressions[0].reason",
      "say why",
    ],
    [
      { runs: [RUN], suppressions: [{ code: "abort", reason: "x" }] },
      "suppressions[0].expires: it is missing",
      "never",
    ],
    [
      { runs: [RUN], suppressions: [{ code: "abort", reason: "x", expires: "2026-02-30" }] },
      'suppressions[0].expires: "2026-02-30" cannot stand here',
      "2026-12-31",
    ],
  ])("%j", async (config, said, hint) => {
    write(FILE, config);
    const [message = "", way = "", ...more] = await refusal();
    expect(message).toContain(`${FILE}: `);
    expect(message).toContain(said);
    expect(way).toContain(hint);
    expect(more).toEqual([]);
  });

  it("and several of them each in a line, not more than can be read", async () => {
    write(FILE, { runs: [{ ...RUN, command: "x", with: 3 }], timout: 1 });
    const [message, , ...lines] = await refusal();
    expect(message).toBe(`${FILE} has 3 mistakes`);
    expect(lines).toHaveLength(3);
    write(FILE, { runs: Array.from({ length: 30 }, (_, i) => ({ ...RUN, name: `r${i}`, command: "x" })) });
    expect((await refusal()).slice(2)).toHaveLength(11);
  });
});
