import { z } from "zod";
import { Hex } from "./primitives.js";

/**
 * Who a frame or block belongs to. `host`: the language runtime. `script`: the user's JS, Python, Java or Go code.
 * `binding`: glue such as koffi, libffi, _ctypes, cgo stubs. `library`: the target native library and what it brings.
 * `system`: libc, the dynamic linker, the kernel.
 */
export const Side = z.enum(["host", "script", "binding", "library", "system"]);
export type Side = z.infer<typeof Side>;

/** One frame of a joined stack, innermost first. `offset` is into the module's file image, for later symbolisation. */
export const Frame = z.strictObject({
  index: z.number().int().nonnegative(),
  pc: Hex,
  function: z.string().nullable(),
  module: z.string().nullable(),
  offset: Hex.nullable(),
  file: z.string().nullable(),
  line: z.number().int().nullable(),
  column: z.number().int().nullable(),
  side: Side,
  language: z.string().nullable(),
  /**
   * True on the outermost native-library frame whose caller is binding, script or host: the call that crossed. On a thread of the
   * library's own, on the frame through which it called back.
   */
  boundary: z.boolean(),
  /**
   * `signal`: a signal trampoline. `inlined`: no frame of its own. `jit`: generated code. `interpreted`: known from the interpreter's own
   * data, with the pc of the interpreter that runs it. `folded`: stands for `foldedCount` frames.
   */
  kind: z.enum(["normal", "signal", "inlined", "jit", "interpreted", "folded"]),
  foldedCount: z.number().int().nonnegative(),
  /** Scalar and pointer arguments that debug information could place, in declaration order. */
  args: z.array(z.strictObject({ name: z.string(), value: Hex })),
});
export type Frame = z.infer<typeof Frame>;

export const StackRole = z.enum(["fault", "alloc", "free", "origin", "call"]);
export type StackRole = z.infer<typeof StackRole>;

export const Stack = z.strictObject({
  role: StackRole,
  /** "<tid> <name>" of the thread, for people. */
  thread: z.string(),
  frames: z.array(Frame),
  /** Why the walk ended early, when it did ("previous frame identical ..."); null when it reached the outermost frame. */
  truncated: z.string().nullable(),
});
export type Stack = z.infer<typeof Stack>;
