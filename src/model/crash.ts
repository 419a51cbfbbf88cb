import { z } from "zod";
import { Block } from "./block.js";
import { Frame, Stack } from "./frame.js";
import { Hex, ProbeName } from "./primitives.js";

/**
 * What a signal meant. `first-hand`: the pick. `benign`: the runtime handled it and went on. `reraise`: the same event raised again,
 * its siginfo forged. `nested`: a fault inside a handler of an earlier one. `abort`: the runtime gave up because of an earlier one.
 * `sent`: another process or thread sent it. `panic`: a language-level panic that is not itself a signal.
 */
export const SignalRole = z.enum(["first-hand", "benign", "reraise", "nested", "abort", "sent", "panic", "open"]);
export type SignalRole = z.infer<typeof SignalRole>;

export const SignalInfo = z.strictObject({
  /** "SIGSEGV"; for a Rust panic or a Go fatal exit, which are no signals, "PANIC" and "EXIT". */
  name: z.string(),
  number: z.number().int(),
  /** si_code as the kernel gave it. */
  code: z.number().int(),
  /** "SEGV_MAPERR", "SI_TKILL", ... (sigaction(2)). */
  codeName: z.string(),
  /** si_addr, null when `forged` or when the kernel gives none. */
  address: Hex.nullable(),
  /** si_code <= 0: sent by a process, so that no field of it is a fault address (sigaction(2)). */
  forged: z.boolean(),
  senderPid: z.number().int().nullable(),
});
export type SignalInfo = z.infer<typeof SignalInfo>;

/** One row of the signal timeline of a process. */
export const SignalEvent = z.strictObject({
  id: z.number().int().nonnegative(),
  /** Milliseconds since the target was let go. */
  atMs: z.number(),
  pid: z.number().int(),
  tid: z.number().int(),
  threadName: z.string().nullable(),
  signal: SignalInfo,
  disposition: z.enum(["default", "caught", "ignored", "unknown"]),
  pc: Hex,
  module: z.string().nullable(),
  function: z.string().nullable(),
  role: SignalRole,
  /** The earlier event that this one follows from. */
  of: z.number().int().nullable(),
  /** One clause: why it has this role. */
  why: z.string(),
});
export type SignalEvent = z.infer<typeof SignalEvent>;

export const MapEntry = z.strictObject({
  start: Hex,
  end: Hex,
  perms: z.string(),
  offset: Hex,
  /** File path, "[stack]", "[heap]", ... or null for anonymous memory. */
  path: z.string().nullable(),
});
export type MapEntry = z.infer<typeof MapEntry>;

/** Where an address lies among the maps. `neighbours` are the nearest mapping below and above when it lies in none. */
export const Region = z.strictObject({
  inside: MapEntry.nullable(),
  below: MapEntry.nullable(),
  above: MapEntry.nullable(),
});
export type Region = z.infer<typeof Region>;

export const Access = z.strictObject({
  kind: z.enum(["read", "write", "execute", "free"]),
  /** Bytes; null when the operand's width is not known. */
  size: z.number().int().nullable(),
  address: Hex.nullable(),
  /** `kernel`: si_addr. `operand`: recomputed from instruction and registers, because the kernel gave none. */
  addressFrom: z.enum(["kernel", "operand", "none"]),
  /** The register that held the pointer, and the value it held. */
  base: z.strictObject({ register: z.string(), value: Hex }).nullable(),
  /** Effective address minus base value, in bytes; decimal string with sign as it may exceed 2^53. */
  displacement: z.string().nullable(),
});
export type Access = z.infer<typeof Access>;

export const Instruction = z.strictObject({ pc: Hex, text: z.string(), current: z.boolean() });
export type Instruction = z.infer<typeof Instruction>;

export const MemoryWindow = z.strictObject({
  register: z.string(),
  value: Hex,
  region: Region,
  /** First byte's address. */
  start: Hex.nullable(),
  /** Lower-case hex, two digits a byte; null when unreadable or masked. */
  bytes: z.string().nullable(),
});
export type MemoryWindow = z.infer<typeof MemoryWindow>;

export const ThreadStack = z.strictObject({
  tid: z.number().int(),
  name: z.string().nullable(),
  /** True for the thread whose stack is the fault stack. */
  faulting: z.boolean(),
  goroutine: z.number().int().nullable(),
  frames: z.array(Frame),
  truncated: z.string().nullable(),
});
export type ThreadStack = z.infer<typeof ThreadStack>;

export const ModuleInfo = z.strictObject({
  path: z.string(),
  soname: z.string().nullable(),
  buildId: z.string().nullable(),
  debugInfo: z.boolean(),
  base: Hex,
  /** Whether this is one of the libraries in question (`--lib`, or the default choice). */
  inQuestion: z.boolean(),
});
export type ModuleInfo = z.infer<typeof ModuleInfo>;

/** A handler that was installed for a signal of a fault, by sigaction(2). */
export const SignalHandler = z.strictObject({
  signal: z.string(),
  /** Null for the default action and for "ignore". */
  handler: Hex.nullable(),
  module: z.string().nullable(),
  function: z.string().nullable(),
  /** SA_ONSTACK: it runs on the alternate stack where the thread has one. */
  onStack: z.boolean(),
});
export type SignalHandler = z.infer<typeof SignalHandler>;

/** Goroutines that stood at the same place in the same way. */
export const GoroutineGroup = z.strictObject({
  count: z.number().int().positive(),
  /** "chan receive", "select", "in a system call or C", ... */
  state: z.string(),
  /** The first few. */
  ids: z.array(z.number().int()),
  frames: z.array(Frame),
});
export type GoroutineGroup = z.infer<typeof GoroutineGroup>;

/**
 * Whether a core file shows the fault itself. `firstHand`: its registers and siginfo are those of the fault. Else something stood between:
 * a handler that raised again or aborted; `recovered` then says whether the fault's own context was still in the core.
 */
export const CoreVerdict = z.strictObject({ firstHand: z.boolean(), recovered: z.boolean(), reason: z.string() });
export type CoreVerdict = z.infer<typeof CoreVerdict>;

/** What a dying runtime wrote about itself. */
export const HostReport = z.strictObject({
  from: z.string(),
  /** Its file in the run directory. */
  file: z.string(),
  /** The frame that it takes for the place, in its own words. */
  frame: z.string(),
  /** Frames of the language, innermost first, as it names them. */
  scriptFrames: z.array(z.string()),
});
export type HostReport = z.infer<typeof HostReport>;

/** All that was seen at the picked event of one process. */
/** What the recorder's own heap tells of the pointers that were at hand at the pick. */
export const HeapFacts = z.strictObject({
  /** Blocks lay against pages that cannot be accessed. */
  guarded: z.boolean(),
  /** What each byte of a watched block was filled with when it was allocated, and when it was freed: two hex digits. */
  allocFill: z.string(),
  freeFill: z.string(),
  pointers: z.array(
    z.strictObject({
      /** "rdi"; "the address" for that of the fault. */
      register: z.string(),
      value: Hex,
      /** Only its low 32 bits are the block's; the rest was cut off, or is the sign. */
      truncated: z.boolean(),
      block: Block,
      /** Of its allocation, and of its freeing. */
      stacks: z.array(Stack),
    }),
  ),
});
export type HeapFacts = z.infer<typeof HeapFacts>;

export const Crash = z.strictObject({
  /** The instrument that saw it. */
  probe: ProbeName.default("gdb"),
  pid: z.number().int(),
  command: z.array(z.string()),
  executable: z.string().nullable(),
  hostRuntime: z.string(),
  /** The picked event's id in `timeline`. */
  pick: z.number().int(),
  /** The event at which the process was certain to die; null when it had not died at all (attach, timeout). */
  terminal: z.number().int().nullable(),
  /** Why this event is the pick, in one sentence. */
  pickReason: z.string(),
  timeline: z.array(SignalEvent),
  /** Benign events beyond those in `timeline`. */
  benignOmitted: z.number().int().nonnegative(),
  signal: SignalInfo,
  access: Access.nullable(),
  region: Region.nullable(),
  instruction: z.string().nullable(),
  disassembly: z.array(Instruction),
  registers: z.array(z.strictObject({ name: z.string(), value: Hex })),
  /** Bounds of the faulting thread's stack mapping, where it could be told. */
  stackBounds: z.strictObject({ low: Hex, high: Hex, stackPointer: Hex }).nullable(),
  memory: z.array(MemoryWindow),
  maps: z.array(MapEntry),
  modules: z.array(ModuleInfo),
  /** Modules that were mapped earlier in this process and are gone. */
  unloaded: z.array(z.strictObject({ path: z.string(), start: Hex, end: Hex })),
  threads: z.array(ThreadStack),
  /** What was installed through libc for the signals of faults before the pick, in order. */
  handlers: z.array(SignalHandler).default([]),
  /** The runtime's own report of this death, where it wrote one. */
  hostReport: HostReport.nullable().default(null),
  /** Text the process left about its own death: glibc's abort message, a panic message, a terminate text. */
  abortMessage: z.strictObject({ text: z.string(), from: z.string() }).nullable(),
  /** For a core file; null for what was seen as it happened. */
  core: CoreVerdict.nullable().default(null),
  goroutines: z.array(GoroutineGroup).default([]),
  /** Absent where the heap was not watched. */
  heap: HeapFacts.optional(),
  /** True when the capture was cut short (the debugger died, the process was gone). */
  incomplete: z.string().nullable(),
});
export type Crash = z.infer<typeof Crash>;

/** Text a process wrote about failing to load a library or find a symbol, or the exit code that says so. */
export const LoadFailure = z.strictObject({
  pid: z.number().int(),
  command: z.array(z.string()),
  library: z.string().nullable(),
  symbol: z.string().nullable(),
  message: z.string(),
  exitCode: z.number().int().nullable(),
  from: z.string(),
});
export type LoadFailure = z.infer<typeof LoadFailure>;
