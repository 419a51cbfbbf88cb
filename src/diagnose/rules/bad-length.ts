import type { Crash } from "../../model/crash.js";
import type { Frame } from "../../model/frame.js";
import { mapAt } from "../addresses.js";
import { checkedEvidence, shownAt } from "../checked.js";
import { boundaryFrame, type CheckedRule, isFault, type Rule, shortName, whereIn, whereOf } from "../diagnosis.js";

/** A pointer and the length after it among the arguments of the crossing call, where the fault lies past the memory that is there. */
export const badLength: Rule = (crash) => {
  const boundary = boundaryFrame(crash);
  const at = crash.access?.address;
  if (boundary === null || !at || crash.access?.kind === "execute" || !isFault(crash, "SIGSEGV", "SIGBUS")) {
    return null;
  }
  const given = announced(crash, boundary, BigInt(at));
  if (given === null) {
    return null;
  }
  const call = shortName(boundary);
  return {
    code: "bad-length",
    title: `${call} was told of ${given.length} bytes at ${given.pointer.value}, of which ${given.present} are there`,
    message: `Its argument ${given.name} is ${given.length}, and the memory that ${given.pointer.name} points to ends ${given.present} bytes on. ${whereOf(crash)} went along it and met the end. A length in other units than bytes, or of another buffer, looks like this.`,
    confidence: "proved",
    evidence: [
      `${crash.signal.name} ${crash.signal.codeName} at ${at}, ${BigInt(at) - BigInt(given.pointer.value)} bytes after ${given.pointer.name}`,
      `${call} has ${given.pointer.name} = ${given.pointer.value} and ${given.name} = ${given.length}`,
      `usable memory from ${given.pointer.value} ends at ${given.end}`,
    ],
    blame: {
      side: "host",
      reason: `${given.name} came in with the call of ${call}, and it is more than the memory that came with it`,
    },
  };
};

interface Announced {
  pointer: { name: string; value: string };
  name: string;
  length: bigint;
  present: bigint;
  end: string;
}

function announced(crash: Crash, boundary: Frame, at: bigint): Announced | null {
  for (const [i, pointer] of boundary.args.entries()) {
    const next = boundary.args[i + 1];
    const start = BigInt(pointer.value);
    const length = next === undefined ? 0n : BigInt(next.value);
    if (next === undefined || at < start || at - start >= length || !/len|size|count|^n$|bytes/i.test(next.name)) {
      continue;
    }
    const end = endOfMemory(crash, start, crash.access?.kind === "write" ? "w" : "r");
    if (end !== null && at >= end && end < start + length) {
      return { pointer, name: next.name, length, present: end - start, end: `0x${end.toString(16)}` };
    }
  }
  return null;
}

/** The end of the mappings that follow on one another from an address, all usable in one way; null where none begins there. */
function endOfMemory(crash: Crash, start: bigint, permission: string): bigint | null {
  let end: bigint | null = null;
  for (let map = mapAt(crash.maps, start); map?.perms.includes(permission); map = mapAt(crash.maps, end)) {
    end = BigInt(map.end);
  }
  return end;
}

/** A checker saw an argument that no call can mean. */
export const badLengthChecked: CheckedRule = (error) => {
  if (error.mistake !== "bad-argument") {
    return null;
  }
  return {
    code: "bad-length",
    title: `${whereIn(shownAt(error))} was given a size that cannot be`,
    message: `${error.text}. A negative number that became a size, a subtraction below zero, or blocks that overlap where they must not.`,
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
