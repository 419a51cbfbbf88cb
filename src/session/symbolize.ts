import { existsSync, rmSync, writeFileSync } from "node:fs";
import { askTool } from "../launch/ask-tool.js";
import { unescapeLegacyRust } from "../probes/asan/legacy-rust-symbol.js";
import { demangleRust } from "../probes/asan/rust-symbol.js";
import { Boxes } from "../probes/recorder/boxes.js";
import { mismatchOf } from "../probes/recorder/frees.js";
import { toldBy } from "../probes/recorder/stacks.js";
import { readAddr2line, readInstruction, readLlvm } from "../probes/recorder/symbolizer-output.js";
import { type ModuleSymbols, type Named, SYMBOLS, type SymbolFile, Symbols } from "../probes/recorder/symbols.js";
import {
  type Pair,
  pairsIn,
  type Wanted,
  type WantedInstruction,
  type WantedModule,
  wantedOf,
  wantedOfPairs,
} from "../probes/recorder/wanted.js";
import type { RunDirectory } from "../rundir/run-directory.js";
import { readElf } from "../survey/elf.js";
import { functionsAt, holdsRust } from "../survey/elf-symbols.js";
import { which } from "../survey/gdb.js";
import { findSymbolizer } from "../survey/sanitizers.js";
import { type Called, calledOf } from "./jumped-calls.js";

/** For all of a step; a file takes no longer than the second. */
const ALL_MS = 60_000;
const EACH_MS = 30_000;
const MOST_INSTRUCTIONS = 200;
/** An instruction is not longer (Intel SDM vol. 2, 2.3.11). */
const LONGEST_INSTRUCTION = 15;

interface Tools {
  llvm: string | null;
  addr2line: string | null;
  demangler: string | null;
  objdump: string | null;
  until: number;
}

/**
 * Names for all addresses in a step's black boxes, into raw/<step>/symbols.json: so the run directory reads the same elsewhere, later,
 * without the files that were mapped and without tools.
 */
export async function symbolize(directory: RunDirectory, step: string, path: string): Promise<void> {
  const boxes = new Boxes(directory.recording(step));
  const tools: Tools = {
    llvm: findSymbolizer(path),
    addr2line: which("addr2line", path),
    demangler: which("c++filt", path) ?? which("llvm-cxxfilt", path),
    objdump: which("objdump", path),
    until: Date.now() + ALL_MS,
  };
  const wanted = wantedOf(boxes, await mismatchedPairs(boxes, tools));
  const file: SymbolFile = {
    version: 1,
    modules: await modulesOf(wanted, tools),
    instructions: await instructionsOf(wanted, tools, (name) => directory.stepPath(step, name)),
  };
  directory.writeJson(`raw/${step}/${SYMBOLS}`, file);
}

/** Of thousands of pairs the few whose ends do not belong together: their stacks are named whole, all others not at all. */
async function mismatchedPairs(boxes: Boxes, tools: Tools): Promise<Pair[]> {
  const modules = await modulesOf(wantedOfPairs(boxes), tools);
  const told = toldBy(boxes, new Symbols({ version: 1, modules, instructions: {} }));
  return pairsIn(boxes).filter((pair) => mismatchOf(told, pair) !== null);
}

async function modulesOf(wanted: Wanted, tools: Tools): Promise<ModuleSymbols[]> {
  const called = calledOf(wanted, (name) => demangleRust(name) ?? name);
  const modules: ModuleSymbols[] = [];
  for (const module of wanted.modules) {
    modules.push(await symbolsOf(module, called, tools));
  }
  return await demangled(modules, tools);
}

function timeLeft({ until }: Tools): number {
  return Math.min(EACH_MS, until - Date.now());
}

async function symbolsOf(module: WantedModule, called: Called, tools: Tools): Promise<ModuleSymbols> {
  const { path, buildId } = module;
  const addresses = [...module.addresses];
  const none: ModuleSymbols = { path, by: null, why: null, rust: false, places: {}, calls: {}, jumps: {} };
  const elf = readElf(path);
  if (elf === null) {
    return { ...none, why: "the file is not there any more, or cannot be read" };
  }
  if (buildId !== null && elf.buildId !== buildId) {
    return { ...none, why: "the file at that path is not the one that was mapped" };
  }
  const told: ModuleSymbols = {
    ...none,
    rust: module.calls.size > 0 && holdsRust(path),
    calls: hexed(called.calls.get(path)),
    jumps: hexed(called.jumps.get(path)),
  };
  const lines = elf.debugInfo || hasDebugFile(elf.buildId) ? await linesOf(path, addresses, tools) : null;
  const functions = functionsAt(path, addresses);
  const places = addresses.flatMap((address): [string, Named[]][] => {
    const named = (lines?.places.get(address) ?? []).filter((one) => one.function !== null);
    const plain = functions?.get(address)?.name;
    const known = named.length > 0 ? named : plain === undefined ? [] : [{ function: plain, file: null, line: null }];
    return known.length === 0 ? [] : [[`0x${address.toString(16)}`, known]];
  });
  return {
    ...told,
    by: lines?.by ?? (places.length > 0 ? "symbol table" : null),
    why: lines === null ? whyNoLines(elf.debugInfo, places.length > 0) : null,
    places: Object.fromEntries(places),
  };
}

function whyNoLines(debugInfo: boolean, named: boolean): string {
  return debugInfo
    ? "neither llvm-symbolizer nor addr2line is here (apt-get install -y binutils)"
    : `it was built without debug information, or stripped${named ? ": functions are named by its symbol table" : ""}`;
}

/** Where distributions put what they strip. */
function hasDebugFile(buildId: string | null): boolean {
  return buildId !== null && existsSync(`/usr/lib/debug/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`);
}

async function linesOf(
  path: string,
  addresses: readonly bigint[],
  tools: Tools,
): Promise<{ by: string; places: Map<bigint, Named[]> } | null> {
  const timeoutMs = timeLeft(tools);
  if (timeoutMs <= 0) {
    return null;
  }
  const input = `${addresses.map((address) => `0x${address.toString(16)}`).join("\n")}\n`;
  const asked = async (file: string, args: string[]): Promise<string> =>
    await askTool(file, args, { input, timeoutMs });
  if (tools.llvm !== null) {
    const args = ["--output-style=LLVM", "--inlines", "--no-demangle", `--obj=${path}`];
    const answers = readLlvm(await asked(tools.llvm, args), addresses.length);
    return { by: "llvm-symbolizer", places: paired(addresses, answers) };
  }
  if (tools.addr2line !== null) {
    const answers = readAddr2line(await asked(tools.addr2line, ["-a", "-f", "-i", "-e", path]), addresses.length);
    return { by: "addr2line", places: paired(addresses, answers) };
  }
  return null;
}

function paired<T>(addresses: readonly bigint[], answers: readonly T[]): Map<bigint, T> {
  return new Map(addresses.flatMap((address, i) => (answers[i] === undefined ? [] : [[address, answers[i]]])));
}

function hexed<T>(values: ReadonlyMap<bigint, T> | undefined): Record<string, T> {
  return Object.fromEntries([...(values ?? [])].map(([address, value]) => [`0x${address.toString(16)}`, value]));
}

/** Names as people write them: Rust's by our own hand, as the tools' versions differ, and C++'s by binutils. */
async function demangled(modules: readonly ModuleSymbols[], tools: Tools): Promise<ModuleSymbols[]> {
  const names = new Set(
    modules.flatMap(({ places, calls, jumps }) => [
      ...Object.values(places).flatMap((named) => named.flatMap((one) => one.function ?? [])),
      ...Object.values(calls).map((call) => call.function),
      ...Object.values(jumps),
    ]),
  );
  const plain = new Map<string, string>();
  const foreign: string[] = [];
  for (const name of names) {
    const rust = demangleRust(name);
    if (rust !== null) {
      plain.set(name, rust);
    } else if (name.startsWith("_Z")) {
      foreign.push(name);
    }
  }
  if (foreign.length > 0 && tools.demangler !== null && timeLeft(tools) > 0) {
    const input = `${foreign.join("\n")}\n`;
    const answers = (await askTool(tools.demangler, [], { input, timeoutMs: timeLeft(tools) })).split("\n");
    foreign.forEach((name, i) => {
      plain.set(name, unescapeLegacyRust(answers[i] ?? name));
    });
  }
  const written = (name: string): string => plain.get(name) ?? name;
  return modules.map((module) => ({
    ...module,
    places: Object.fromEntries(
      Object.entries(module.places).map(([address, named]) => [
        address,
        named.map((one) => ({ ...one, function: one.function === null ? null : written(one.function) })),
      ]),
    ),
    calls: Object.fromEntries(
      Object.entries(module.calls).map(([address, call]) => [address, { ...call, function: written(call.function) }]),
    ),
    jumps: Object.fromEntries(Object.entries(module.jumps).map(([address, name]) => [address, written(name)])),
  }));
}

async function instructionsOf(
  { instructions }: Wanted,
  tools: Tools,
  fileAt: (name: string) => string,
): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const one of instructions.slice(0, MOST_INSTRUCTIONS)) {
    const text =
      tools.objdump === null ? null : await instructionOf(one, tools.objdump, tools, fileAt("instruction.bin"));
    if (text !== null) {
      out[one.key] = text;
    }
  }
  return out;
}

async function instructionOf(
  { pc, bytes }: WantedInstruction,
  objdump: string,
  tools: Tools,
  scratch: string,
): Promise<string | null> {
  const timeoutMs = timeLeft(tools);
  if (bytes.length === 0 || timeoutMs <= 0) {
    return null;
  }
  writeFileSync(scratch, bytes.subarray(0, LONGEST_INSTRUCTION), { mode: 0o600, flag: "wx" });
  try {
    const args = ["-D", "-b", "binary", "-m", "i386:x86-64", "--no-show-raw-insn", `--adjust-vma=0x${pc.toString(16)}`];
    return readInstruction(await askTool(objdump, [...args, scratch], { input: "", timeoutMs }));
  } finally {
    rmSync(scratch, { force: true });
  }
}
