import type { Options } from "../../../../src/model/options.js";
import type { DecodedStep, StepEnd } from "../../../../src/model/recording.js";
import { decodeRecorder } from "../../../../src/probes/recorder/decode.js";
import { SYMBOLS, type SymbolFile } from "../../../../src/probes/recorder/symbols.js";
import { recordingOf } from "../../../golden/recording-of.js";
import type { MadeBox } from "../blackbox/made-box.js";

export const LIBRARY = "/opt/libstore.so";
export const PROGRAM = "/usr/bin/app";
export const LIBRARY_AT = 0x200000;
export const PROGRAM_AT = 0x100000;

export const OPTIONS = {
  verb: "run",
  libs: [],
  heap: { mode: "poison", guardSide: "after", allocFill: 0xa5, freeFill: 0x5a, quarantine: 4, stacks: "full" },
} as unknown as Options;

export function ended(exitCode: number | null, signal: string | null = null, more: Partial<StepEnd> = {}): StepEnd {
  const outcome = { exitCode, signal, timedOut: false };
  return { pid: 100, outcome, tool: outcome, leftRunning: [], attached: false, ...more };
}

/** Names by address in the library and in the program; a return address is looked up one byte before. */
export function symbols(places: Record<string, string>, more: Partial<SymbolFile> = {}): SymbolFile {
  const of = (base: number) =>
    Object.fromEntries(
      Object.entries(places)
        .map(([pc, name]) => [Number(pc) - base, name] as const)
        .filter(([at]) => at >= 0 && at < 0x10000)
        .map(([at, name]) => [
          `0x${at.toString(16)}`,
          name.split(" < ").map((one) => ({ function: one, file: "/src/store.c", line: 7 })),
        ]),
    );
  const module = { rust: false, by: "llvm-symbolizer", why: null, calls: {}, jumps: {} };
  return {
    version: 1,
    modules: [
      { ...module, path: LIBRARY, places: of(LIBRARY_AT) },
      { ...module, path: PROGRAM, places: of(PROGRAM_AT) },
    ],
    instructions: {},
    ...more,
  };
}

export function decode(
  boxes: Record<string, MadeBox>,
  end: StepEnd,
  options: { symbols?: SymbolFile; options?: Partial<Options> } = {},
): DecodedStep {
  return decodeRecorder(
    recordingOf(
      options.symbols === undefined ? {} : { [SYMBOLS]: JSON.stringify(options.symbols) },
      Object.fromEntries(Object.entries(boxes).map(([name, box]) => [name, box.bytes()])),
    ),
    end,
    { ...OPTIONS, ...options.options },
  );
}
