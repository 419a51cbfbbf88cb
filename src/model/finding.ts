import { z } from "zod";
import { ChangedByte } from "./checker-error.js";
import { Access, Crash, Instruction, MapEntry, MemoryWindow, ModuleInfo, SignalEvent, ThreadStack } from "./crash.js";
import { FindingCode } from "./finding-code.js";
import { Stack } from "./frame.js";
import { Blame, Confidence, Hex, ProbeName, Severity } from "./primitives.js";

/** What to do next: a command that can be pasted, or a sentence where no command exists; and what it would cost. */
export const NextStep = z.strictObject({ command: z.string().nullable(), why: z.string(), cost: z.string() });
export type NextStep = z.infer<typeof NextStep>;

export const BoundaryCall = z.strictObject({
  seq: z.number().int(),
  thread: z.string(),
  function: z.string(),
  args: z.array(
    z.strictObject({ name: z.string(), type: z.string(), value: z.string(), pointee: z.string().optional() }),
  ),
  result: z.string().nullable(),
  caller: z.string().nullable(),
  durationNs: z.number().int().nullable(),
});

/** The full state at the picked event, as far as it was captured. */
export const CaptureDetails = z.strictObject({
  registers: z.array(z.strictObject({ name: z.string(), value: Hex })),
  disassembly: z.array(Instruction),
  memory: z.array(MemoryWindow),
  maps: z.array(MapEntry),
  /** Files that were mapped, with their build ids; and those that had been and were gone. */
  modules: z.array(ModuleInfo),
  unloaded: Crash.shape.unloaded,
  /** Bounds of the faulting thread's stack mapping, where it could be told. */
  stackBounds: Crash.shape.stackBounds,
  threads: z.array(ThreadStack),
  pickReason: z.string(),
  benignOmitted: z.number().int().nonnegative(),
  incomplete: z.string().nullable(),
  /** Of a core file: whether it shows the fault itself. */
  core: Crash.shape.core,
  goroutines: Crash.shape.goroutines,
});
export type CaptureDetails = z.infer<typeof CaptureDetails>;

/** One diagnosed problem. */
export const Finding = z.strictObject({
  code: FindingCode,
  title: z.string(),
  /** What happened and how it is known, in sentences. */
  message: z.string(),
  severity: Severity,
  confidence: Confidence,
  blame: Blame,
  /** Why this side, or why nobody can be blamed from this evidence. */
  blameReason: z.string(),
  /** The facts the diagnosis rests on, one a line. */
  evidence: z.array(z.string()),
  pid: z.number().int(),
  cwe: z.number().int().nullable(),
  probes: z.array(ProbeName),
  fingerprint: z.string(),
  /** Fingerprints of other witnesses of the same mistake that were joined into this finding. */
  alsoKnownAs: z.array(z.string()).optional(),
  /** It is in the baseline: seen before, and accepted. Absent for a new one. */
  known: z.literal(true).optional(),
  causeKey: z.string(),
  occurrences: z.strictObject({ seen: z.number().int(), runs: z.number().int() }),
  signal: z
    .strictObject({
      name: z.string(),
      code: z.string(),
      address: Hex.nullable(),
      forged: z.boolean(),
      insn: z.string().nullable(),
      thread: z.string(),
    })
    .optional(),
  access: Access.pick({ kind: true, size: true }).optional(),
  block: z
    .strictObject({
      address: Hex,
      size: z.number().int(),
      state: z.string(),
      offset: z.number().int(),
      allocator: z.string(),
      owner: z.string(),
    })
    .optional(),
  /** What damage looked like when it was found: memory, which shared formats leave out. */
  changed: z.array(ChangedByte).optional(),
  timeline: z.array(SignalEvent).optional(),
  stacks: z.array(Stack),
  boundaryCalls: z.array(BoundaryCall),
  nextSteps: z.array(NextStep),
  docs: z.string(),
  capture: CaptureDetails.optional(),
});
export type Finding = z.infer<typeof Finding>;
