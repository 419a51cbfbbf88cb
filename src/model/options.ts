import { z } from "zod";
import { Sanitizer, Severity, Verb } from "./primitives.js";
import { checkers, formats, guardSides, heapModes, originPasses, scopes, stackModes, twins } from "./vocabulary.js";

export const Format = z.enum(formats);
export type Format = z.infer<typeof Format>;

export const Twin = z.enum(twins);
export type Twin = z.infer<typeof Twin>;

const Byte = z.number().int().min(0).max(255);

/** What `run` does about the heap of the libraries in question. */
export const HeapOptions = z.strictObject({
  mode: z.enum(heapModes).default("poison"),
  /** Where the inaccessible page lies, with `guard`. */
  guardSide: z.enum(guardSides).default("after"),
  /** What memory is filled with when it is allocated, and when it is freed. */
  allocFill: Byte.default(0xa5),
  freeFill: Byte.default(0x5a),
  /** MiB of freed blocks that are kept aside. */
  quarantine: z.number().int().nonnegative().default(4),
  stacks: z.enum(stackModes).default("full"),
});
export type HeapOptions = z.infer<typeof HeapOptions>;

/** What the user asked for: argv, configuration and environment become this one object, and nothing reads them later. */
export const Options = z.strictObject({
  verb: Verb,
  /** The target's argv; empty with `attach`. */
  command: z.array(z.string()),
  /** Environment variables the doctor itself adds for its own demo; empty for a user's command. */
  demo: Twin.nullable(),
  attach: z.number().int().positive().nullable(),
  libs: z.array(z.string()),
  /** The host's own checkers, each off unless asked for. */
  with: z.array(z.enum(checkers)).default([]),
  /** What of a checker's errors is shown; the rest is counted. */
  scope: z.enum(scopes).default("library"),
  /** `valgrind`: when to look where values came from that nobody wrote. */
  origins: z.enum(originPasses).default("auto"),
  /** `asan`: which sanitizer, and the user's own build command to be run with its flags first. */
  sanitizer: Sanitizer.default("address"),
  build: z.string().nullable().default(null),
  heap: HeapOptions.prefault({}),
  /** `core`: the core file, and the program that left it where that is not found by itself. */
  core: z.strictObject({ file: z.string(), executable: z.string().nullable() }).nullable().default(null),
  /** Run directory; null for the default `.ffi-doctor/<timestamp>-<verb>`. */
  out: z.string().nullable(),
  formats: z.array(z.strictObject({ format: Format, file: z.string().nullable() })),
  failOn: Severity,
  /** An earlier report.json: what is in it is known, and no reason for status 1. */
  baseline: z.string().nullable().default(null),
  /** Seconds; null for no limit. */
  timeout: z.number().positive().nullable(),
  repeat: z.number().int().positive(),
  untilCrash: z.boolean(),
  exitCode: z.enum(["target", "doctor"]),
  dryRun: z.boolean(),
  /** null: colour only when the stream is a terminal. */
  color: z.boolean().nullable(),
  quiet: z.boolean(),
  verbose: z.boolean(),
  /** Keep memory bytes and secret-looking arguments in shared formats. */
  showMemory: z.boolean(),
});
export type Options = z.infer<typeof Options>;
