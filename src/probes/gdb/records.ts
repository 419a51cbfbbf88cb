import { z } from "zod";

/** The lines that gdb's side writes (`inject/`). Unknown keys are let through: a newer recorder may say more. */
const RawFrame = z.object({
  pc: z.string(),
  fn: z.string().nullish(),
  kind: z.string().optional(),
  mod: z.string().optional(),
  off: z.string().optional(),
  jit: z.string().optional(),
  file: z.string().optional(),
  line: z.number().optional(),
  args: z.array(z.tuple([z.string(), z.string()])).optional(),
  count: z.number().optional(),
});
export type RawFrame = z.infer<typeof RawFrame>;

const RawSiginfo = z.object({
  signo: z.number().optional(),
  code: z.number().optional(),
  addr: z.string().optional(),
  sender: z.number().optional(),
});
export type RawSiginfo = z.infer<typeof RawSiginfo>;

const at = { t: z.number() };
const who = {
  ev: z.number(),
  pid: z.number(),
  tid: z.number(),
  name: z.string().nullish(),
  exe: z.string(),
  pc: z.string(),
};
const frames = { frames: z.array(RawFrame), stop: z.string().nullish() };

export const RawRecord = z.discriminatedUnion("k", [
  z.object({ k: z.literal("attached"), ...at, pid: z.number(), gdb: z.string(), machine: z.string() }),
  z.object({ k: z.literal("refused"), ...at, why: z.string() }),
  z.object({
    k: z.literal("process"),
    ...at,
    pid: z.number(),
    parent: z.number().nullish(),
    exe: z.string(),
    argv: z.array(z.string()),
    argc: z.number(),
  }),
  z.object({ k: z.literal("library"), ...at, pid: z.number(), path: z.string() }),
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
    regs: z.record(z.string(), z.string()),
    heavy: z.boolean(),
  }),
  z.object({ k: z.literal("panic"), ...at, ...who, text: z.string().nullish() }),
  z.object({ k: z.literal("exit"), ...at, ...who, ...frames, how: z.enum(["go", "handler"]), via: z.string() }),
  z.object({ k: z.literal("interrupted"), ...at, ...who }),
  z.object({
    k: z.literal("stack"),
    ...at,
    ...frames,
    ev: z.number(),
    tid: z.number(),
    goid: z.number().nullish(),
  }),
  z.object({
    k: z.literal("thread"),
    ...at,
    ...frames,
    ev: z.number(),
    tid: z.number(),
    name: z.string().nullish(),
    goid: z.number().nullish(),
  }),
  z.object({ k: z.literal("disassembly"), ...at, ev: z.number(), rows: z.array(z.tuple([z.string(), z.string()])) }),
  z.object({
    k: z.literal("maps"),
    ...at,
    ev: z.number(),
    rows: z.array(z.tuple([z.string(), z.string(), z.string(), z.string(), z.string()])),
  }),
  z.object({
    k: z.literal("memory"),
    ...at,
    ev: z.number(),
    rows: z.array(z.tuple([z.string(), z.string(), z.string()])),
  }),
  z.object({ k: z.literal("abort-message"), ...at, ev: z.number(), text: z.string().nullish() }),
  z.object({
    k: z.literal("modules"),
    ...at,
    ev: z.number(),
    rows: z.array(z.tuple([z.string(), z.string().nullish(), z.string(), z.string()])),
  }),
  z.object({
    k: z.literal("unloaded"),
    ...at,
    ev: z.number(),
    rows: z.array(z.tuple([z.string(), z.string(), z.string()])),
  }),
  z.object({ k: z.literal("heavy-end"), ...at, ev: z.number() }),
  z.object({ k: z.literal("terminal"), ...at, ev: z.number(), pid: z.number() }),
  z.object({
    k: z.literal("linker-error"),
    ...at,
    pid: z.number(),
    tid: z.number(),
    errno: z.number(),
    object: z.string().nullish(),
    text: z.string().nullish(),
    occasion: z.string().nullish(),
  }),
  z.object({
    k: z.literal("exited"),
    ...at,
    pid: z.number(),
    code: z.number().nullish(),
    signal: z.number().nullish(),
  }),
  z.object({ k: z.literal("warning"), ...at, what: z.string(), why: z.string() }),
  z.object({ k: z.literal("bug"), ...at, why: z.string(), trace: z.string() }),
  z.object({ k: z.literal("end"), ...at, stops: z.number(), full: z.boolean() }),
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
