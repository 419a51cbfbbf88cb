import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enums } from "../../../src/probes/blackbox/layout.js";
import { SymbolFile } from "../../../src/probes/recorder/symbols.js";
import { RunDirectory } from "../../../src/rundir/run-directory.js";
import { symbolize } from "../../../src/session/symbolize.js";
import { MadeBox } from "../probes/blackbox/made-box.js";

const SOURCE = `#include <stdlib.h>
static inline __attribute__((always_inline)) char *make(int n) { return malloc(n + 1); }
__attribute__((noinline)) char *store_put(int n) { char *p = make(n); p[0] = 1; return p; }
__attribute__((noinline)) void store_drop(char *p) { free(p); p[0] = 1; }
static inline __attribute__((always_inline)) void give(char *p) { free(p); }
__attribute__((noinline)) void store_hand(char *p) { give(p); }
void store_leave(char *p) { store_hand(p); p[0] = 1; }
void store_end(char *p, void (*by)(char *)) { store_drop(p); by(p); p[0] = 1; }
`;
const BASE = 0x7f0000000000;

const folder = mkdtempSync(join(tmpdir(), "ffi-doctor-symbolize-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function built(name: string, flags: readonly string[]): string {
  const file = join(folder, name);
  writeFileSync(join(folder, "store.c"), SOURCE);
  const { stderr, status } = spawnSync(
    "gcc",
    ["-O2", "-fPIC", "-shared", "-fno-optimize-sibling-calls", ...flags, "-o", file, join(folder, "store.c")],
    { encoding: "utf8" },
  );
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  return file;
}

/** The return addresses of the calls in a function, in order. */
function returnsIn(file: string, name: string): number[] {
  const { stdout } = spawnSync("objdump", ["-d", "--no-show-raw-insn", file], { encoding: "utf8" });
  const body = stdout.split(`<${name}>:`)[1]?.split("\n\n")[0] ?? "";
  const lines = body.split("\n").filter((line) => /^\s+[0-9a-f]+:/.test(line));
  return lines.flatMap((line, i) =>
    /\tcall\b/.test(line) ? [Number.parseInt((lines[i + 1] ?? "").trim().split(":")[0] ?? "", 16)] : [],
  );
}

let runs = 0;
async function told(box: MadeBox): Promise<SymbolFile> {
  runs += 1;
  const directory = RunDirectory.create(join(folder, `run-${runs}`));
  directory.makeStep("recorder-0");
  writeFileSync(directory.stepPath("recorder-0", "box.100.0"), box.bytes());
  await symbolize(directory, "recorder-0", process.env["PATH"] ?? "");
  return SymbolFile.parse(JSON.parse(directory.read("raw/recorder-0/symbols.json") ?? ""));
}

function boxOf(file: string, returns: readonly number[]): MadeBox {
  const box = new MadeBox().module(1, file, BASE, { flags: 2 });
  returns.forEach((at, i) => {
    box.stack(i + 1, [BASE + at]).leak({ kind: 1, stack: i + 1 }, {});
  });
  return box;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

describe("symbols of a step", () => {
  let file: string;
  let calls: Record<string, number[]>;
  beforeAll(() => {
    file = built("libstore.so", ["-g"]);
    calls = Object.fromEntries(["store_put", "store_drop", "store_end"].map((name) => [name, returnsIn(file, name)]));
  });

  it("name functions and lines, inlined ones too, and what calls call", async () => {
    const returns = [...(calls["store_put"] ?? []), ...(calls["store_drop"] ?? []), ...(calls["store_end"] ?? [])];
    expect(returns).toHaveLength(4);
    const [module] = (await told(boxOf(file, returns))).modules;
    expect(module).toMatchObject({ path: file, why: null });
    const at = (i: number) => module?.places[hex((returns[i] ?? 0) - 1)]?.map((one) => [one.function, one.line]);
    expect(at(0)).toEqual([
      ["make", 2],
      ["store_put", 3],
    ]);
    expect(at(1)).toEqual([["store_drop", 4]]);
    expect(at(2)).toEqual([["store_end", 8]]);
    expect(returns.map((address) => module?.calls[hex(address)]?.function)).toEqual([
      "malloc",
      "free",
      "store_drop",
      undefined,
    ]);
  });

  it("have the function that a jump took off the stack, with the jump's own place", async () => {
    const jumping = built("libjumping.so", ["-g", "-foptimize-sibling-calls"]);
    const [back = 0] = returnsIn(jumping, "store_leave");
    const [module] = (await told(boxOf(jumping, [back]))).modules;
    const call = module?.calls[hex(back)];
    expect(call).toMatchObject({ function: "store_hand", path: jumping });
    expect(module?.jumps[call?.jump ?? ""]).toBe("free");
    expect(module?.places[call?.jump ?? ""]?.map((one) => one.function)).toEqual(["give", "store_hand"]);
  });

  it("name functions by the symbol table where there is no debug information, and say so", async () => {
    const bare = built("libbare.so", []);
    const [at = 0] = returnsIn(bare, "store_put");
    const [module] = (await told(boxOf(bare, [at]))).modules;
    expect(module?.places[hex(at - 1)]).toEqual([{ function: "store_put", file: null, line: null }]);
    expect(module).toMatchObject({ by: "symbol table", why: expect.stringContaining("without debug information") });
  });

  it("name those of a stripped file by what it exports", async () => {
    const stripped = built("libstripped.so", ["-s"]);
    const [at = 0] = returnsIn(built("libtwin.so", []), "store_drop");
    const [module] = (await told(boxOf(stripped, [at]))).modules;
    expect(module?.places[hex(at - 1)]?.[0]?.function).toBe("store_drop");
  });

  it("are none of a file that is not the one that was mapped, or is gone", async () => {
    const box = new MadeBox()
      .module(2, join(folder, "gone.so"), 0x1000)
      .stack(1, [0x1234])
      .leak({ kind: 1, stack: 1 }, {});
    expect((await told(box)).modules).toMatchObject([
      { places: {}, why: expect.stringContaining("not there any more") },
    ]);
    const other = new MadeBox();
    const path = Buffer.from(`${file}\0`);
    other
      .add(
        "module",
        { id: 1, low: 0x1000, high: 0x9000, base: 0x1000, buildIdSize: 20, pathSize: path.length },
        { tail: path },
      )
      .stack(1, [0x2234])
      .leak({ kind: 1, stack: 1 }, {});
    expect((await told(other)).modules).toMatchObject([{ places: {}, why: expect.stringContaining("is not the one") }]);
  });

  it("have the instruction that was at the pc of a signal", async () => {
    const box = new MadeBox()
      .signal({ id: 1, number: 11, code: 1, state: enums.signalState.terminal }, { 16: 0x401000n })
      .capture(1, "instruction", Buffer.from("488b0790909090", "hex"));
    expect((await told(box)).instructions).toEqual({ "100.0.1": "mov    (%rdi),%rax" });
  });

  it("are an empty list of a step without boxes", async () => {
    expect(await told(new MadeBox({ version: 9 }))).toEqual({ version: 1, modules: [], instructions: {} });
  });
});
