import type { Finding } from "../../model/finding.js";
import type { Frame, Stack, StackRole } from "../../model/frame.js";
import type { Severity } from "../../model/primitives.js";
import { escapeText } from "../escape.js";
import { bestFrame, type Location, locationOf, nameOf, stackOf } from "./locations.js";

/** What a text of SARIF may hold, in characters. */
const LONGEST_TEXT = 4000;
export const LEVELS: Record<Severity, "error" | "warning" | "note"> = {
  error: "error",
  warning: "warning",
  note: "note",
};

/** In the order in which things happened to the block. */
const LIFE: readonly [StackRole, string][] = [
  ["alloc", "allocated here"],
  ["origin", "made here, and not written"],
  ["free", "freed here"],
  ["fault", "used here"],
];

/** One result (section 3.27). */
export function resultOf(finding: Finding, ruleIndex: number, sourceRoot: string): object {
  const at = bestFrame(finding.stacks, sourceRoot);
  const related = relatedTo(finding, sourceRoot);
  const flow = lifeOf(finding, sourceRoot);
  return {
    ruleId: finding.code,
    ruleIndex,
    level: LEVELS[finding.severity],
    kind: "fail",
    message: { text: text(finding) },
    locations: [placeOf(at, finding, sourceRoot)],
    ...(related.length === 0 ? {} : { relatedLocations: related }),
    ...(flow.length < 2 ? {} : { codeFlows: [{ threadFlows: [{ locations: flow }] }] }),
    stacks: finding.stacks.filter(({ frames }) => frames.length > 0).map((stack) => stackOf(stack, sourceRoot)),
    partialFingerprints: { "ffiDoctor/v1": finding.fingerprint },
    occurrenceCount: Math.max(1, finding.occurrences.seen),
    properties: {
      confidence: finding.confidence,
      blame: finding.blame,
      blameReason: escapeText(finding.blameReason, LONGEST_TEXT),
      probes: finding.probes,
      causeKey: escapeText(finding.causeKey),
      ...(finding.cwe === null ? {} : { cwe: `CWE-${finding.cwe}` }),
    },
  };
}

/** A result without a file is refused by code hosts: where there is none, the page on the code stands in. */
function placeOf(at: Frame | null, { docs }: Finding, sourceRoot: string): Location {
  const location = at === null ? {} : locationOf(at, sourceRoot);
  return { physicalLocation: { artifactLocation: { uri: docs } }, ...location };
}

function text(finding: Finding): string {
  const lines = [
    finding.title,
    finding.message,
    `Whose: ${finding.blame}: ${finding.blameReason}`,
    ...finding.nextSteps.map(({ why, command }) => `Next: ${why}${command === null ? "" : `: ${command}`}`),
  ];
  return lines.map((line) => escapeText(line, LONGEST_TEXT)).join("\n");
}

/** The call that crossed, and where the block came from and went. */
function relatedTo(finding: Finding, sourceRoot: string): (Location & { id: number })[] {
  const boundary = finding.stacks[0]?.frames.find((frame) => frame.boundary);
  const crossing =
    boundary === undefined
      ? []
      : [locationOf(boundary, sourceRoot, `the call that crossed the boundary: ${nameOf(boundary)}`)];
  const others = LIFE.filter(([role]) => role !== "fault").flatMap(([role, what]) =>
    placed(finding.stacks, role, what, sourceRoot),
  );
  return [...crossing, ...others].map((location, i) => ({ id: i + 1, ...location }));
}

/** Allocated, freed, used: the life of a block as one thread flow (section 3.37). */
function lifeOf(finding: Finding, sourceRoot: string): unknown[] {
  return LIFE.flatMap(([role, what]) => placed(finding.stacks, role, what, sourceRoot)).map((location, i) => ({
    location,
    executionOrder: i + 1,
  }));
}

function placed(stacks: readonly Stack[], role: StackRole, what: string, sourceRoot: string): Location[] {
  const own = stacks.filter((stack) => stack.role === role);
  const frame = bestFrame(own, sourceRoot);
  return frame === null ? [] : [locationOf(frame, sourceRoot, `${what}, by ${nameOf(frame)}`)];
}
