import { z } from "zod";
import { HostRuntime } from "./primitives.js";

/** A tool that an instrument needs: where it is, or why it cannot be used and the exact command that mends it. */
export const ToolFact = z.strictObject({
  name: z.string(),
  path: z.string().nullable(),
  version: z.string().nullable(),
  usable: z.boolean(),
  /** Why not, one clause; null when usable. */
  why: z.string().nullable(),
  /** The exact command that mends it; null when usable or when nothing would. */
  mend: z.string().nullable(),
});
export type ToolFact = z.infer<typeof ToolFact>;

/** What the command is, found out without running it. */
export const Target = z.strictObject({
  command: z.array(z.string()),
  /** The file that execve is given: the command as PATH finds it. */
  file: z.string(),
  /** That file with links resolved. */
  executable: z.string(),
  /** "elf", or the interpreter named on the #! line. */
  kind: z.enum(["elf", "script"]),
  interpreter: z.string().nullable(),
  host: z.strictObject({ runtime: HostRuntime, version: z.string().nullable() }),
  /** Machine of the ELF header: "x86-64", "aarch64", ...; null for scripts. */
  machine: z.string().nullable(),
  staticallyLinked: z.boolean(),
  setuid: z.boolean(),
});
export type Target = z.infer<typeof Target>;

/** Debugging allocators that a target can be given, by file; null for one that is not here. */
export interface Allocators {
  /** glibc's libc_malloc_debug (2.34 and newer): MALLOC_CHECK_ works by it alone. */
  mallocDebug: string | null;
  jemalloc: string | null;
}
