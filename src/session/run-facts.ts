import type { Evidence } from "../model/evidence.js";
import type { RunManifest } from "../model/manifest.js";
import { isSecondPass } from "../model/plan.js";
import type { HostRuntime, Intervention, Outcome } from "../model/primitives.js";
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
    outcome: outcomeOf(manifest, evidence),
    processes: evidence.processes,
    interventions: [...new Map<string, Intervention>(interventions.map((entry) => [entry.what, entry])).values()],
  };
}

/** Of a process that gdb was attached to, the debugger alone saw how it ended. */
function outcomeOf(manifest: RunManifest, evidence: Evidence): Outcome {
  const { exitCode, signal, timedOut } = evidence.outcome;
  // Of a core nothing was run: the one process in it is meant.
  const launched = manifest.steps.findLast((step) => !isSecondPass(step))?.pid;
  const pid = manifest.options.core === null ? launched : evidence.processes[0]?.pid;
  const seen = exitCode !== null || signal !== null || timedOut;
  return seen
    ? evidence.outcome
    : (evidence.processes.find((process) => process.pid === pid)?.outcome ?? evidence.outcome);
}

/** The runtime that the command is, or behind a shim the one that crashed. */
function runtimeOf(manifest: RunManifest, evidence: Evidence): HostRuntime {
  const asked = manifest.target?.host.runtime ?? "unknown";
  return asked === "unknown" ? ((evidence.crashes[0]?.hostRuntime ?? "unknown") as HostRuntime) : asked;
}
