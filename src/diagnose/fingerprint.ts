import { createHash } from "node:crypto";
import type { CheckerError } from "../model/checker-error.js";
import type { Crash, LoadFailure } from "../model/crash.js";
import type { FindingCode } from "../model/finding-code.js";
import { knownBy, plainModule } from "./cause.js";
import { framesOf, shownAt } from "./checked.js";
import { telling } from "./checked-blame.js";
import { faultFrames } from "./diagnosis.js";

/** The same for the same mistake on another day, machine or line: code and functions, no address, no pid, no line. */
export function crashFingerprint(code: FindingCode, crash: Crash): string {
  return hash([code, crash.signal.name, ...knownBy(faultFrames(crash))]);
}

/** The same for every checker that sees it: code, and the functions of use, allocation and freeing. */
export function checkedFingerprint(code: FindingCode, error: CheckerError): string {
  const others = telling.flatMap((role) => [`${role}:`, ...knownBy(framesOf(error, role)).slice(0, 1)]);
  return hash([code, ...knownBy(shownAt(error)), ...others]);
}

export function loadFingerprint(code: FindingCode, failure: LoadFailure): string {
  return hash([code, failure.library === null ? "" : plainModule(failure.library), failure.symbol ?? ""]);
}

function hash(parts: readonly string[]): string {
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 16);
}
