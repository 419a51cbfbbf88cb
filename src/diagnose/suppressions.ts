import { basename } from "node:path";
import type { Suppression } from "../model/config.js";
import type { Finding } from "../model/finding.js";
import type { Frame } from "../model/frame.js";
import type { Report } from "../model/report.js";
import { withNotices } from "./baseline.js";
import { boundaryIn } from "./diagnosis.js";
import { verdictOf } from "./verdict.js";

/**
 * Takes out of a report what its users accept, and says so. A suppression that has expired does nothing, and is told; so is one that
 * matched nothing, unless not everything was run. `today` is a date such as 2026-01-31.
 */
export function applySuppressions(
  report: Report,
  suppressions: readonly Suppression[],
  options: { today: string; whole: boolean },
): Report {
  const valid = suppressions.filter(({ expires }) => expires === null || expires >= options.today);
  const used = new Set<Suppression>();
  const findings: Finding[] = [];
  const suppressed = [...report.suppressed];
  for (const finding of report.findings) {
    const by = valid.filter((candidate) => covers(candidate, finding));
    const first = by[0];
    for (const suppression of by) {
      used.add(suppression);
    }
    if (first === undefined) {
      findings.push(finding);
    } else {
      const { fingerprint, code, title } = finding;
      suppressed.push({ fingerprint, reason: first.reason, expires: first.expires, code, title });
    }
  }
  const expired = suppressions
    .filter((suppression) => !valid.includes(suppression))
    .map((suppression) => `the suppression of ${described(suppression)} expired on ${suppression.expires}`);
  const unused = options.whole ? valid.filter((suppression) => !used.has(suppression)) : [];
  const idle = unused.map((suppression) => `the suppression of ${described(suppression)} matched nothing: remove it`);
  return {
    ...report,
    findings,
    suppressed,
    verdict: verdictOf({ findings, obstacles: report.obstacles }),
    ...withNotices(report, [...expired, ...idle]),
  };
}

/** True when all that a suppression names fits; function and module fit one and the same frame. */
function covers(suppression: Suppression, finding: Finding): boolean {
  const { fingerprint, code, function: name, module } = suppression;
  const names = [finding.fingerprint, ...(finding.alsoKnownAs ?? [])];
  return (
    (fingerprint === undefined || names.includes(fingerprint)) &&
    (code === undefined || code === finding.code) &&
    ((name === undefined && module === undefined) || nativePart(finding).some((frame) => isAt(frame, name, module)))
  );
}

/** The frames of the place, from the innermost to the call that crossed the boundary: who called is no part of the mistake. */
function nativePart(finding: Finding): readonly Frame[] {
  const frames = finding.stacks[0]?.frames ?? [];
  const boundary = boundaryIn(frames);
  return boundary === null ? frames : frames.slice(0, frames.indexOf(boundary) + 1);
}

function isAt(frame: Frame, name: string | undefined, module: string | undefined): boolean {
  return (
    (name === undefined || (frame.function !== null && fits(name, frame.function))) &&
    (module === undefined || (frame.module !== null && fits(module, basename(frame.module))))
  );
}

/** `*` stands for anything, also for nothing; without one the whole name must be the same. */
function fits(pattern: string, text: string): boolean {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (tail === undefined) {
    return text === pattern;
  }
  if (!text.startsWith(head) || text.length < head.length + tail.length || !text.endsWith(tail)) {
    return false;
  }
  // Each part at its first place after the one before: no backtracking, whatever the pattern.
  let at = head.length;
  const end = text.length - tail.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) {
      return false;
    }
    at = found + part.length;
  }
  return true;
}

function described({ fingerprint, code, function: name, module }: Suppression): string {
  return [fingerprint, code, name, module].filter((part) => part !== undefined).join(", ");
}
