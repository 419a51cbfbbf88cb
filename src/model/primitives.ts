import { z } from "zod";
import { sanitizers, severities } from "./vocabulary.js";

/** An address or register value: lower-case hex with `0x`. Never a JSON number, which would lose bits above 2^53. */
export const Hex = z.string().regex(/^0x[0-9a-f]+$/, "an address is a lower-case hex string such as 0x7f00");
export type Hex = z.infer<typeof Hex>;

export const Severity = z.enum(severities);
export type Severity = z.infer<typeof Severity>;

/** `proved`: the evidence leaves no other reading. `likely`: the usual reading. `hint`: worth a look, never above a warning. */
export const Confidence = z.enum(["proved", "likely", "hint"]);
export type Confidence = z.infer<typeof Confidence>;

export const Blame = z.enum(["host", "binding", "library", "boundary", "unknown"]);
export type Blame = z.infer<typeof Blame>;

export const HostRuntime = z.enum(["node", "python", "go", "java", "rust", "c", "unknown"]);
export type HostRuntime = z.infer<typeof HostRuntime>;

export const Verb = z.enum(["run", "gdb-capture", "valgrind", "asan", "core", "ci"]);
export type Verb = z.infer<typeof Verb>;

/** A witness: what saw something, or looked for it. */
export const ProbeName = z.enum(["gdb", "valgrind", "asan", "core", "heap", "signals"]);
export type ProbeName = z.infer<typeof ProbeName>;

/** What a step is carried out by. The recorder is two witnesses in one: of the heap, and of signals. */
export const StepProbe = z.enum(["gdb", "valgrind", "asan", "core", "recorder"]);
export type StepProbe = z.infer<typeof StepProbe>;

export const Sanitizer = z.enum(sanitizers);
export type Sanitizer = z.infer<typeof Sanitizer>;

/** How a process ended. Both null: it was still running, or its end was not seen. */
export const Outcome = z.strictObject({
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  timedOut: z.boolean(),
});
export type Outcome = z.infer<typeof Outcome>;

/** Something ffi-doctor changed about the target so as to see more. */
export const Intervention = z.strictObject({
  kind: z.enum(["environment", "flag", "action"]),
  what: z.string(),
  why: z.string(),
});
export type Intervention = z.infer<typeof Intervention>;
