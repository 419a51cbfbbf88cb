import type { Finding } from "../model/finding.js";
import type { FindingCode } from "../model/finding-code.js";
import type { Frame } from "../model/frame.js";

/** What a mistake looks like to an instrument that sees only its consequence: a crash, or an allocator's own check. */
const LOOKS_LIKE: Partial<Record<FindingCode, readonly FindingCode[]>> = {
  "heap-use-after-free": [
    "wild-pointer",
    "null-dereference",
    "poisoned-pointer",
    "bad-code-pointer",
    "misaligned-pointer",
    "truncated-pointer",
    "bus-error",
    "bad-length",
    "write-to-readonly",
    "abort",
    "native-crash",
  ],
  "double-free": ["abort", "invalid-free", "native-crash"],
  "invalid-free": ["abort", "native-crash"],
  "alloc-dealloc-mismatch": ["abort", "invalid-free", "native-crash"],
  "heap-buffer-overflow": [
    "wild-pointer",
    "bad-length",
    "bus-error",
    "write-to-readonly",
    "poisoned-pointer",
    "abort",
    "native-crash",
  ],
  "heap-buffer-underflow": ["wild-pointer", "bad-length", "bus-error", "write-to-readonly", "abort", "native-crash"],
  "stack-buffer-overflow": ["bad-code-pointer", "abort", "wild-pointer", "native-crash"],
  "global-buffer-overflow": ["wild-pointer", "bad-code-pointer", "native-crash"],
  "uninitialized-read": ["wild-pointer", "null-dereference", "bad-code-pointer", "truncated-pointer", "native-crash"],
  "misaligned-pointer": ["native-crash", "bus-error"],
  "bad-length": ["wild-pointer", "heap-buffer-overflow", "native-crash"],
  "null-dereference": ["native-crash"],
  "wild-pointer": ["native-crash"],
  "truncated-pointer": ["wild-pointer", "native-crash"],
  "poisoned-pointer": ["wild-pointer", "native-crash"],
  "bad-code-pointer": ["null-dereference", "wild-pointer", "native-crash"],
  "write-to-readonly": ["wild-pointer", "native-crash"],
  "stack-overflow": ["wild-pointer", "native-crash"],
  "panic-across-boundary": ["abort", "native-crash"],
  "exception-across-boundary": ["abort", "native-crash"],
};

/**
 * One mistake that several instruments saw is one finding: the one that says most, with all its witnesses. Two findings of one instrument
 * are never joined, nor two mistakes at one place of which neither looks like the other.
 */
export function joinWitnesses(findings: readonly Finding[]): Finding[] {
  const joined: Finding[] = [];
  for (const finding of findings) {
    const at = joined.findIndex((known) => isSame(known, finding));
    const known = joined[at];
    if (known === undefined) {
      joined.push(finding);
    } else {
      joined[at] = saysMore(known, finding) ? merged(known, finding) : merged(finding, known);
    }
  }
  return joined;
}

function isSame(a: Finding, b: Finding): boolean {
  const oneInstrument = a.probes.some((probe) => b.probes.includes(probe));
  return (
    a.causeKey === b.causeKey &&
    !oneInstrument &&
    (a.code === b.code || looksLike(a.code, b.code) || looksLike(b.code, a.code))
  );
}

function looksLike(mistake: FindingCode, seen: FindingCode): boolean {
  return LOOKS_LIKE[mistake]?.includes(seen) === true;
}

/** The narrower code; of one code, the one with more stacks, and then the one with the full state of the crash. */
function saysMore(a: Finding, b: Finding): boolean {
  if (a.code !== b.code) {
    return looksLike(a.code, b.code);
  }
  return (
    a.stacks.length > b.stacks.length ||
    (a.stacks.length === b.stacks.length && (a.capture !== undefined || b.capture === undefined))
  );
}

/** `main`, with what only the other witness has. */
function merged(main: Finding, other: Finding): Finding {
  const said = new Set(main.nextSteps.map(({ command, why }) => command ?? why));
  const as = other.code === main.code ? "" : ` as ${other.code}`;
  const from = other.probes.join(", ");
  const whole = withHost(main.stacks, other.stacks);
  return {
    ...other,
    ...main,
    probes: [...new Set([...main.probes, ...other.probes])],
    alsoKnownAs: [other.fingerprint, ...(main.alsoKnownAs ?? []), ...(other.alsoKnownAs ?? [])],
    evidence: [
      ...main.evidence,
      ...other.evidence.map((line) => `${from}${as}: ${line}`),
      ...(whole === null ? [] : [`${from}: what is behind the call that crossed, on the stack`]),
    ],
    stacks: [
      ...(whole ?? main.stacks),
      ...other.stacks.filter(({ role }) => !main.stacks.some((stack) => stack.role === role)),
    ],
    nextSteps: [...main.nextSteps, ...other.nextSteps.filter(({ command, why }) => !said.has(command ?? why))],
    occurrences: {
      seen: Math.max(main.occurrences.seen, other.occurrences.seen),
      runs: Math.max(main.occurrences.runs, other.occurrences.runs),
    },
  };
}

/**
 * A checker walks native stacks, and its own may end where the host begins; a debugger's goes on to the script. Both are of one place, and
 * so of one call. Null where `stacks` have the script's functions already, or nobody has.
 */
function withHost(stacks: Finding["stacks"], others: Finding["stacks"]): Finding["stacks"] | null {
  const [first, ...rest] = stacks;
  const other = others.find(({ role }) => role === first?.role);
  const behind = other?.frames.slice(crossing(other.frames) + 1) ?? [];
  const script = ({ side }: Frame): boolean => side === "script";
  const crossed = crossing(first?.frames ?? []);
  if (first === undefined || crossed < 0 || first.frames.some(script) || !behind.some(script)) {
    return null;
  }
  const frames = [...first.frames.slice(0, crossed + 1), ...behind].map((frame, index) => ({ ...frame, index }));
  return [{ ...first, frames }, ...rest];
}

function crossing(frames: readonly Frame[]): number {
  return frames.findIndex(({ boundary }) => boundary);
}
