import { z } from "zod";
import { Access, SignalInfo } from "./crash.js";
import { Stack } from "./frame.js";
import { Hex, ProbeName } from "./primitives.js";

/**
 * What a checker's error says happened, in words that valgrind and the sanitizers share. Which finding it is, is diagnosis' to say:
 * an access to unmapped memory may be a null dereference, a truncated pointer, or a wild one.
 */
export const Mistake = z.enum([
  /** Access to a heap block that was freed. */
  "freed-access",
  /** Access outside of a live heap block. */
  "heap-bounds",
  "stack-bounds",
  "global-bounds",
  /** Access to memory that belongs to nothing. */
  "unmapped-access",
  /** Access that the memory's permissions forbid. */
  "forbidden-access",
  /** Jump or call to what is no code. */
  "bad-jump",
  "misaligned-access",
  "double-free",
  "invalid-free",
  /** Freed by the function of another family than allocated it. */
  "mismatched-free",
  "uninitialized",
  "leak",
  /** An argument that no call can mean: a size that was negative, blocks that overlap in memcpy. */
  "bad-argument",
  "stack-overflow",
  "out-of-memory",
  "data-race",
  "deadlock",
  "arithmetic",
  /** A function that was called through a type that is not its own. */
  "wrong-function-type",
  /** The process died of a signal, and the checker knows no more. */
  "fatal-signal",
  /** What the checker itself has a name for, and this list has not. */
  "other",
]);
export type Mistake = z.infer<typeof Mistake>;

/** A heap block that an address is in or near. */
export const Block = z.strictObject({
  address: Hex.nullable(),
  /** Bytes; null where the checker does not say. */
  size: z.number().int().nullable(),
  /** Of the accessed address from the block's first byte, in bytes: negative before it, `size` and more behind it. */
  offset: z.number().int().nullable(),
  state: z.enum(["live", "freed", "unknown"]),
  /** The functions that allocated and freed it, where they are told: "malloc", "operator new[]". */
  allocatedBy: z.string().nullable(),
  freedBy: z.string().nullable(),
});
export type Block = z.infer<typeof Block>;

/** One error that a checker (valgrind, a sanitizer) told, of one process. Not yet a finding. */
export const CheckerError = z.strictObject({
  probe: ProbeName,
  /** "memcheck 3.19.0", "AddressSanitizer". */
  checker: z.string(),
  /** Its own name for the error ("InvalidRead", "heap-use-after-free"), and its own sentence. */
  kind: z.string(),
  text: z.string(),
  mistake: Mistake,
  pid: z.number().int(),
  command: z.array(z.string()),
  executable: z.string().nullable(),
  /** Filled in where the libraries are known. */
  hostRuntime: z.string().default("unknown"),
  tid: z.number().int().nullable(),
  threadName: z.string().nullable(),
  access: Access.nullable(),
  block: Block.nullable(),
  /** The signal that came with it, where one did. */
  signal: SignalInfo.nullable(),
  leak: z
    .strictObject({
      bytes: z.number().int(),
      blocks: z.number().int(),
      kind: z.enum(["definite", "indirect", "possible", "reachable"]),
    })
    .nullable(),
  /** The fault stack first; those of allocation, freeing and origin as far as they are told. */
  stacks: z.array(Stack),
  /** How often it was seen, at least. */
  seen: z.number().int().positive(),
  /** True when the process ended there. */
  fatal: z.boolean(),
});
export type CheckerError = z.infer<typeof CheckerError>;
