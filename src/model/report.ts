import { z } from "zod";
import { ThreadStack } from "./crash.js";
import { Coverage, LibraryInfo, Obstacle, ProcessInfo } from "./evidence.js";
import { Finding } from "./finding.js";
import { HostRuntime, Intervention, Outcome, Severity } from "./primitives.js";

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
  suppressed: z.array(z.strictObject({ fingerprint: z.string(), reason: z.string(), expires: z.string().nullable() })),
  coverage: z.array(Coverage),
  catalogue: z.partialRecord(z.string(), CatalogueEntry.pick({ title: true, severity: true, help: true })),
});
export type Report = z.infer<typeof Report>;
