import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { twins } from "../../../src/model/vocabulary.js";

// What only shows in a process of its own: garbage collection, death, standard streams. Inside of the package, for its node_modules.
const root = join(import.meta.dirname, "../../..");
const cache = join(root, ".cache");
let compiled = "";
let scratch = "";

beforeAll(() => {
  mkdirSync(cache, { recursive: true });
  compiled = mkdtempSync(join(cache, "store-test-"));
  scratch = mkdtempSync(join(tmpdir(), "ffi-doctor-store-test-"));
  const project = join(compiled, "tsconfig.json");
  writeFileSync(
    project,
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: { rootDir: join(root, "src"), outDir: compiled },
      include: [join(root, "src/store/**/*.ts"), join(root, "src/cli/commands/store.ts")],
    }),
  );
  const tsc = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", project], { encoding: "utf8" });
  expect(tsc.stdout).toBe("");
  writeFileSync(
    join(compiled, "cli.js"),
    `import { storeCommand } from "./cli/commands/store.js";
     storeCommand().parseAsync().catch((error) => {
       console.error(error.name + ": " + error.message);
       process.exitCode = 2;
     });`,
  );
}, 60_000);

afterAll(() => {
  rmSync(compiled, { recursive: true, force: true });
  rmSync(scratch, { recursive: true, force: true });
});

function node(args: string[], input = "") {
  return spawnSync(process.execPath, args, {
    encoding: "utf8",
    timeout: 60_000,
    input,
    env: { ...process.env, TMPDIR: scratch },
  });
}

function cli(...args: string[]) {
  return node([join(compiled, "cli.js"), ...args]);
}

it("a store and a scan that were dropped are closed by the garbage collector", () => {
  const script = join(compiled, "leak.js");
  writeFileSync(
    script,
    `import { readdirSync } from "node:fs";
     import { Store } from "./store/store.js";
     const threads = () => readdirSync("/proc/self/task").length;
     const collected = async (done) => {
       for (let i = 0; i < 200 && !done(); i++) {
         globalThis.gc();
         await new Promise((resolve) => setTimeout(resolve, 10));
       }
       return done();
     };
     const kept = Store.openSync(process.argv[2] + "/kept.db");
     kept.putSync("a", "1");
     await kept.put("b", "2");
     (() => { for (let i = 0; i < 5; i++) kept.scanSync().next(); })();
     const scans = [kept.statsSync().scansOpen, await collected(() => kept.statsSync().scansOpen === 0)];
     await kept.get("a");
     const before = threads();
     (() => { for (let i = 0; i < 5; i++) Store.openSync(process.argv[2] + "/" + i + ".db"); })();
     const stores = [threads() - before, await collected(() => threads() === before)];
     console.log(JSON.stringify({ scans, stores, kept: kept.getSync("a").toString() }));`,
  );
  const { stdout, stderr, status } = node(["--expose-gc", script, mkdtempSync(join(scratch, "leak-"))]);
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  expect(JSON.parse(stdout)).toEqual({ scans: [5, true], stores: [5, true], kept: "1" });
});

it("a pending read keeps the process alive until its callback has come, and nothing after it", () => {
  const script = join(compiled, "alive.js");
  writeFileSync(
    script,
    `import { Store } from "./store/store.js";
     const store = Store.openSync(process.argv[2]);
     store.putSync("a", "still here");
     store.get("a").then((value) => console.log(value.toString()));`,
  );
  const { stdout, status } = node([script, join(scratch, "alive.db")]);
  expect({ stdout, status }).toEqual({ stdout: "still here\n", status: 0 });
});

describe("the demo", () => {
  const deaths: Record<string, string | null> = {
    healthy: null,
    "double-free": "SIGABRT",
    "panic-across-boundary": "SIGABRT",
  };

  it.each(twins)("%s ends as it should, and leaves no file behind", (twin) => {
    const temporary = mkdtempSync(join(scratch, "demo-"));
    const { status, signal, stdout } = spawnSync(process.execPath, [join(compiled, "store/demo.js"), twin], {
      encoding: "utf8",
      env: { ...process.env, TMPDIR: temporary },
    });
    const death = deaths[twin] === undefined ? "SIGSEGV" : deaths[twin];
    expect({ status, signal }).toEqual({ status: death === null ? 0 : null, signal: death });
    expect(stdout.endsWith(death === null ? "demo: done\n" : `demo: ${twin}: the nightly job\n`)).toBe(true);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("refuses a twin that it does not know", () => {
    const { status, stderr } = node([join(compiled, "store/demo.js"), "no-such-twin"]);
    expect({ status, stderr }).toEqual({ status: 2, stderr: "demo: unknown twin no-such-twin\n" });
  });
});

describe("the store verb", () => {
  it("puts, gets and scans, with nothing but the value on standard output", () => {
    const db = join(scratch, "verb.db");
    const value = "tab\t\u001b[31m line\nend\\ \u0085";
    expect(cli("put", db, "a/1", "one").status).toBe(0);
    expect(node([join(compiled, "cli.js"), "put", db, "a/2", "-"], value).status).toBe(0);
    expect(cli("put", db, "b\u202e", "").status).toBe(0);
    expect(cli("get", db, "a/1").stdout).toBe("one");
    expect(cli("get", db, "a/2").stdout).toBe(value);
    expect(cli("scan", db).stdout).toBe("a/1\tone\na/2\ttab\\t\\u001b[31m line\\nend\\\\ \\u0085\nb\\u202e\t\n");
    const json = cli("scan", "--json", db, "a/").stdout;
    expect([json.includes("\u001b"), json.includes("\u0085")]).toEqual([false, false]);
    expect(
      json
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { key: "a/1", value: "one", encoding: "utf8" },
      { key: "a/2", value, encoding: "utf8" },
    ]);
  });

  it("says that there is no such key, with status 1, and makes no file for a question", () => {
    const db = join(scratch, "absent.db");
    expect(cli("get", db, "a")).toMatchObject({ status: 2, stdout: "" });
    expect(cli("get", db, "a").stderr).toMatch(/^UserError: .*absent\.db: open: storage: /);
    cli("put", db, "a", "1");
    expect(cli("get", db, "b\u001b")).toMatchObject({
      status: 1,
      stdout: "",
      stderr: `there is no key b\\u001b in ${db}\n`,
    });
  });

  it("ends quietly when its reader goes away", () => {
    const db = join(scratch, "reader.db");
    const value = "x".repeat(100_000);
    for (let i = 0; i < 5; i++) {
      node([join(compiled, "cli.js"), "put", db, `key/${i}`, "-"], value);
    }
    const command = `"${process.execPath}" "${join(compiled, "cli.js")}" scan "${db}" | head -c 5; echo " \${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync("bash", ["-c", command], { encoding: "utf8" });
    expect({ stdout, stderr }).toEqual({ stdout: "key/0 0\n", stderr: "" });
  });

  it("measures, over a file of its own", () => {
    const { stdout, status } = cli("bench", "--count", "20", "--value-size", "10");
    expect(status).toBe(0);
    expect(stdout.split("\n").map((line) => line.replace(/\d+/, "N").replace(/ +/g, " "))).toEqual([
      "put N ops/s",
      "get N ops/s",
      "get, by promise N ops/s",
      "scan N ops/s",
      "scan, by promise N ops/s",
      "",
    ]);
  });
});
