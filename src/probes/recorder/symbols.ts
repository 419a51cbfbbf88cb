import { z } from "zod";
import { Hex } from "../../model/primitives.js";
import type { Recording } from "../../model/recording.js";

const Named = z.strictObject({
  function: z.string().nullable(),
  file: z.string().nullable(),
  line: z.number().int().nullable(),
});

/**
 * A function that is called. Where it is an allocator's no more, it left by a jump and has no frame on the stack: then `path` is the file
 * that it is in, and `jump` the one jump of it that leads to an allocator, where that is known.
 */
const Call = z.strictObject({ function: z.string(), path: z.string().nullable(), jump: Hex.nullable() });
export type Call = z.infer<typeof Call>;

/** raw/<step>/symbols.json: what the files that were mapped told of the addresses in the boxes, while they were at hand. */
export const SymbolFile = z.strictObject({
  version: z.literal(1),
  modules: z.array(
    z.strictObject({
      path: z.string(),
      /** What told: "llvm-symbolizer", "addr2line", "symbol table"; null where nothing could. */
      by: z.string().nullable(),
      /** Why functions or lines are not known; null where they are. */
      why: z.string().nullable(),
      /** It holds code that rustc made, whose allocator may lie within any function of it. */
      rust: z.boolean().default(false),
      /** By address within the file, in lower-case hex with 0x: functions that are inlined there, innermost first, then the one that holds them. */
      places: z.record(z.string(), z.array(Named)),
      /** By return address within the file: what the call before it calls directly, or through its imports. */
      calls: z.record(z.string(), Call),
      /** By the address of a jump that a call's `jump` names: the allocator's function that it leads to. */
      jumps: z.record(z.string(), z.string()),
    }),
  ),
  /** By "<pid>.<image>.<signal>": the instruction in AT&T syntax. */
  instructions: z.record(z.string(), z.string()),
});
export type SymbolFile = z.infer<typeof SymbolFile>;
export type Named = z.infer<typeof Named>;
export type ModuleSymbols = SymbolFile["modules"][number];

export const SYMBOLS = "symbols.json";

/** What is known of addresses; nothing where the file is missing or damaged. */
export class Symbols {
  readonly file: SymbolFile | null;
  private readonly byPath: ReadonlyMap<string, ModuleSymbols>;

  constructor(file: SymbolFile | null) {
    this.file = file;
    this.byPath = new Map((this.file?.modules ?? []).map((module) => [module.path, module]));
  }

  static of(recording: Recording): Symbols {
    return new Symbols(parsed(recording.text(SYMBOLS)));
  }

  at(path: string, address: bigint): readonly Named[] {
    return this.byPath.get(path)?.places[`0x${address.toString(16)}`] ?? [];
  }

  /** What a call calls; null where that is not known. */
  calledAt(path: string, returnAddress: bigint): Call | null {
    return this.byPath.get(path)?.calls[`0x${returnAddress.toString(16)}`] ?? null;
  }

  holdsRust(path: string): boolean {
    return this.byPath.get(path)?.rust ?? false;
  }

  instruction(pid: number, image: number, signal: number): string | null {
    return this.file?.instructions[`${pid}.${image}.${signal}`] ?? null;
  }
}

function parsed(text: string | null): SymbolFile | null {
  if (text === null) {
    return null;
  }
  try {
    return SymbolFile.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
