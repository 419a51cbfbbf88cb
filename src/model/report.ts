import { z } from "zod";
import { ThreadStack } from "./crash.js";
import { Coverage, LibraryInfo, Obstacle, ProcessInfo } from "./evidence.js";
import { Finding } from "./finding.js";
import { HostRuntime, Intervention, Outcome, Severity, Verb } from "./primitives.js";

export const REPORT_SCHEMA_VERSION = 1;

export const Verdict = z.enum(["clean", "findings", "inconclusive"]);
export type Verdict = z.infer<typeof Verdict>;

export const CatalogueEntry = z.strictObject({
  title: z.string(),
  severity: Severity,
  cwe: z.number().int().nullable(),
  /** One or two sentences: what it is and the usual cause at a language boundary. */
  help: z.string(),
});
export type CatalogueEntry = z.infer<typeof CatalogueEntry>;

/** `ci`: one command under one instrument, and what came of it. */
export const Job = z.strictObject({
  name: z.string(),
  instrument: Verb,
  command: z.array(z.string()),
  durationMs: z.number(),
  outcome: Outcome,
  verdict: Verdict,
  /** Findings that are neither in the baseline nor suppressed, those in the baseline, and those suppressed. */
  counts: z.strictObject({ new: z.number().int(), known: z.number().int(), suppressed: z.number().int() }),
  /** Its run directory, below that of the whole. */
  directory: z.string(),
});
export type Job = z.infer<typeof Job>;

/** What is read of an earlier report when it serves as a baseline; one of another version may have more. */
export const Baseline = z.object({
  schemaVersion: z.literal(REPORT_SCHEMA_VERSION),
  findings: z.array(
    z.object({
      fingerprint: z.string(),
      alsoKnownAs: z.array(z.string()).optional(),
      code: z.string(),
      title: z.string(),
      probes: z.array(z.string()).default([]),
    }),
  ),
});
export type Baseline = z.infer<typeof Baseline>;

/** report.json, version 1. Unknown to readers of an older version: additional properties only. */
export const Report = z.strictObject({
  schemaVersion: z.literal(REPORT_SCHEMA_VERSION),
  tool: z.strictObject({ name: z.literal("ffi-doctor"), version: z.string() }),
  run: z.strictObject({
    id: z.string(),
    verb: z.string(),
    command: z.array(z.string()),
    host: z.strictObject({ runtime: HostRuntime, version: z.string().nullable() }),
    libraries: z.array(LibraryInfo),
    startedAt: z.string(),
    durationMs: z.number(),
    outcome: Outcome,
    processes: z.array(ProcessInfo),
    interventions: z.array(Intervention),
    /** `ci` only: what was run, in order. */
    jobs: z.array(Job).optional(),
  }),
  verdict: Verdict,
  findings: z.array(Finding),
  /** Why the run could not answer; empty unless it is inconclusive. */
  obstacles: z.array(Obstacle),
  /** Processes that had not died and were let go, at the time limit or on request: where each of their threads was. */
  letGo: z.array(
    z.strictObject({ pid: z.number().int(), command: z.array(z.string()), threads: z.array(ThreadStack) }),
  ),
  experiments: z.array(
    z.strictObject({ plan: z.string(), actions: z.array(z.string()), runs: z.number(), outcomes: z.array(z.string()) }),
  ),
  suppressed: z.array(
    z.strictObject({
      fingerprint: z.string(),
      reason: z.string(),
      expires: z.string().nullable(),
      code: z.string().optional(),
      title: z.string().optional(),
    }),
  ),
  /** What this run was compared with, and what of it did not show any more; null without a baseline. */
  baseline: z
    .strictObject({
      file: z.string(),
      gone: z.array(z.strictObject({ fingerprint: z.string(), code: z.string(), title: z.string() })),
    })
    .nullable()
    .default(null),
  /** What a reader must know of suppressions and baseline: expired, unused, not to be judged. */
  notices: z.array(z.string()).optional(),
  coverage: z.array(Coverage),
  catalogue: z.partialRecord(z.string(), CatalogueEntry.pick({ title: true, severity: true, help: true })),
});
export type Report = z.infer<typeof Report>;
