import { z } from "zod";
import { Hex } from "../../model/primitives.js";

const Int = z.number().int();
const Bytes = z.string().regex(/^([0-9a-f]{2})*$/);

/** The lines that gdb's side writes (`inject/`). Unknown keys are let through: a newer recorder may say more. */
const RawFrame = z.object({
  pc: Hex,
  fn: z.string().nullish(),
  kind: z.string().optional(),
  mod: z.string().nullish(),
  off: Hex.optional(),
  jit: z.string().optional(),
  file: z.string().nullish(),
  line: Int.nullish(),
  lang: z.string().optional(),
  args: z.array(z.tuple([z.string(), Hex])).optional(),
  count: Int.nonnegative().optional(),
});
export type RawFrame = z.infer<typeof RawFrame>;

const RawSiginfo = z.object({
  signo: Int.optional(),
  code: Int.optional(),
  addr: Hex.optional(),
  sender: Int.optional(),
});
export type RawSiginfo = z.infer<typeof RawSiginfo>;

const at = { t: z.number() };
const who = {
  ev: Int.nonnegative(),
  pid: Int,
  tid: Int,
  name: z.string().nullish(),
  exe: z.string(),
  pc: Hex,
};
const frames = { frames: z.array(RawFrame), stop: z.string().nullish() };

export const RawRecord = z.discriminatedUnion("k", [
  z.object({ k: z.literal("attached"), ...at, pid: Int, gdb: z.string(), machine: z.string() }),
  z.object({ k: z.literal("refused"), ...at, why: z.string() }),
  z.object({
    k: z.literal("process"),
    ...at,
    pid: Int,
    parent: Int.nullish(),
    exe: z.string(),
    argv: z.array(z.string()),
    argc: Int,
  }),
  /** `foreign`: not here as the process had it; its build id, or nothing. */
  z.object({ k: z.literal("library"), ...at, pid: Int, path: z.string(), foreign: z.string().optional() }),
  z.object({
    k: z.literal("stop"),
    ...at,
    ...who,
    ...frames,
    sig: z.string(),
    si: RawSiginfo,
    disp: z.enum(["default", "caught", "ignored", "unknown"]),
    mod: z.string().nullish(),
    insn: z.string().nullish(),
    /** Of a core's events: where the context was found. */
    source: z.enum(["trampoline", "sigpanic", "returned"]).optional(),
    regs: z.record(z.string(), Hex),
    heavy: z.boolean(),
  }),
  z.object({ k: z.literal("panic"), ...at, ...who, text: z.string().nullish() }),
  z.object({ k: z.literal("exit"), ...at, ...who, ...frames, how: z.enum(["go", "handler"]), via: z.string() }),
  z.object({ k: z.literal("interrupted"), ...at, ...who }),
  z.object({
    k: z.literal("stack"),
    ...at,
    ...frames,
    ev: Int.nonnegative(),
    tid: Int,
    goid: Int.nullish(),
  }),
  z.object({
    k: z.literal("thread"),
    ...at,
    ...frames,
    ev: Int.nonnegative(),
    tid: Int,
    name: z.string().nullish(),
    goid: Int.nullish(),
  }),
  z.object({ k: z.literal("disassembly"), ...at, ev: Int.nonnegative(), rows: z.array(z.tuple([Hex, z.string()])) }),
  z.object({
    k: z.literal("maps"),
    ...at,
    ev: Int.nonnegative(),
    rows: z.array(z.tuple([Hex, Hex, z.string(), Hex, z.string()])),
  }),
  z.object({
    k: z.literal("memory"),
    ...at,
    ev: Int.nonnegative(),
    rows: z.array(z.tuple([z.string(), Hex, Bytes])),
  }),
  z.object({ k: z.literal("abort-message"), ...at, ev: Int.nonnegative(), text: z.string().nullish() }),
  z.object({
    k: z.literal("modules"),
    ...at,
    ev: Int.nonnegative(),
    rows: z.array(z.tuple([z.string(), z.string().nullish(), Hex, Hex])),
  }),
  z.object({
    k: z.literal("unloaded"),
    ...at,
    ev: Int.nonnegative(),
    rows: z.array(z.tuple([z.string(), Hex, Hex])),
  }),
  z.object({
    k: z.literal("goroutines"),
    ...at,
    ev: Int.nonnegative(),
    total: Int.nonnegative(),
    groups: z.array(
      z.object({ count: Int.positive(), state: z.string(), ids: z.array(Int), frames: z.array(RawFrame) }),
    ),
  }),
  z.object({ k: z.literal("heavy-end"), ...at, ev: Int.nonnegative() }),
  z.object({ k: z.literal("terminal"), ...at, ev: Int.nonnegative(), pid: Int }),
  z.object({
    k: z.literal("linker-error"),
    ...at,
    pid: Int,
    tid: Int,
    errno: Int,
    object: z.string().nullish(),
    text: z.string().nullish(),
    occasion: z.string().nullish(),
  }),
  z.object({
    k: z.literal("handler"),
    ...at,
    pid: Int,
    tid: Int,
    sig: Int,
    handler: Hex,
    flags: Int,
    mod: z.string().nullish(),
    fn: z.string().nullish(),
  }),
  z.object({ k: z.literal("said"), ...at, pid: Int, tid: Int, text: z.string(), by: z.string() }),
  z.object({
    k: z.literal("exited"),
    ...at,
    pid: Int,
    code: Int.nullish(),
    signal: Int.nullish(),
  }),
  z.object({ k: z.literal("warning"), ...at, what: z.string(), why: z.string(), mend: z.string().nullish() }),
  z.object({ k: z.literal("bug"), ...at, why: z.string(), trace: z.string() }),
  z.object({ k: z.literal("end"), ...at, stops: Int, full: z.boolean() }),
]);
export type RawRecord = z.infer<typeof RawRecord>;
export type RawOf<K extends RawRecord["k"]> = Extract<RawRecord, { k: K }>;

/** Reads a recording, whole or cut anywhere. Lines that cannot be read are counted, never thrown over. */
export function readRecords(text: string): { records: RawRecord[]; damaged: number } {
  const records: RawRecord[] = [];
  let damaged = 0;
  for (const line of text.split("\n")) {
    if (line === "") {
      continue;
    }
    try {
      const parsed = RawRecord.safeParse(JSON.parse(line));
      if (parsed.success) {
        records.push(parsed.data);
      } else {
        damaged += 1;
      }
    } catch {
      damaged += 1;
    }
  }
  return { records, damaged };
}
