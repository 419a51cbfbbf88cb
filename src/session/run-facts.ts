import type { Evidence } from "../model/evidence.js";
import type { RunManifest } from "../model/manifest.js";
import type { HostRuntime, Intervention } from "../model/primitives.js";
import type { Report } from "../model/report.js";

/** The `run` part of a report. */
export function runFacts(manifest: RunManifest, evidence: Evidence): Report["run"] {
  const interventions = manifest.plan.steps.flatMap((step) => step.interventions);
  return {
    id: manifest.id,
    verb: manifest.options.verb,
    command: manifest.options.command,
    host: { runtime: runtimeOf(manifest, evidence), version: manifest.target?.host.version ?? null },
    libraries: evidence.libraries,
    startedAt: manifest.startedAt,
    durationMs: manifest.durationMs,
    outcome: evidence.outcome,
    processes: evidence.processes,
    interventions: [...new Map<string, Intervention>(interventions.map((entry) => [entry.what, entry])).values()],
  };
}

/** The runtime that the command is, or behind a shim the one that crashed. */
function runtimeOf(manifest: RunManifest, evidence: Evidence): HostRuntime {
  const asked = manifest.target?.host.runtime ?? "unknown";
  return asked === "unknown" ? ((evidence.crashes[0]?.hostRuntime ?? "unknown") as HostRuntime) : asked;
}
