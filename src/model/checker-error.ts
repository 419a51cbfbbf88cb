import { z } from "zod";
import { Block } from "./block.js";
import { Access, SignalInfo } from "./crash.js";
import { Stack } from "./frame.js";
import { ProbeName } from "./primitives.js";

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

const Byte = z.string().regex(/^[0-9a-f]{2}$/);
/** A byte that is not what it was left as; `offset` is from the block's first byte. */
export const ChangedByte = z.strictObject({ offset: z.number().int(), was: Byte, is: Byte });
export type ChangedByte = z.infer<typeof ChangedByte>;

/** Damage that was found later: nobody saw the write itself. */
export const Damage = z.strictObject({
  /** How many bytes were changed, and the first of them. */
  bytes: z.number().int().nonnegative(),
  changed: z.array(ChangedByte),
  /** The write came between these times, in milliseconds since the start. */
  afterMs: z.number(),
  beforeMs: z.number(),
  /** When it was found, as a clause: "when the block was freed". */
  found: z.string(),
});
export type Damage = z.infer<typeof Damage>;

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
  /** Absent for what was seen as it was done. Then `stacks` begins with the allocation, as no stack is that of the fault. */
  damage: Damage.optional(),
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
