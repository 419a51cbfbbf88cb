import type { Crash, HeapFacts } from "../../model/crash.js";
import { FIELD, poisonOf, suspects } from "../addresses.js";
import { accessText, bytes, checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, type Diagnosis, isFault, type Rule, whereIn, whereOf } from "../diagnosis.js";

/** The pointer is what an allocator fills memory with: it was read from a block that was freed, or never written. */
export const poisonedPointer: Rule = (crash) => {
  if (!isFault(crash, "SIGSEGV", "SIGBUS")) {
    return null;
  }
  const watched = recorderFill(crash);
  if (watched !== null) {
    return watched;
  }
  for (const value of suspects(crash)) {
    const poison = poisonOf(value);
    if (poison !== null) {
      const register = crash.access?.base?.value === value ? ` in ${crash.access.base.register}` : "";
      return {
        code: "poisoned-pointer",
        title: `Pointer ${value} is a fill pattern of freed or unwritten memory, used in ${whereOf(crash)}`,
        message:
          `The pointer was not computed: ${poison.pattern} is ${poison.meaning}. ` +
          `It was read out of a block that had been freed, or had never been written. The block itself is not shown by a crash.`,
        confidence: "likely",
        evidence: [`the pointer${register} is ${value}`, `${poison.pattern}: ${poison.meaning}`],
      };
    }
  }
  return null;
};

/** What the recorder itself filled a block with, of which it may know the block. */
function recorderFill(crash: Crash): Diagnosis | null {
  const { heap, access, registers } = crash;
  if (heap === undefined) {
    return null;
  }
  // A pattern is no address that a pointer can have: the processor gives none then, and the register tells.
  const values = [...suspects(crash), ...(access?.address == null ? registers.map(({ value }) => value) : [])];
  const fills = [
    { fill: heap.freeFill, state: "freed" },
    { fill: heap.allocFill, state: "live" },
  ] as const;
  for (const { fill, state } of fills) {
    const value = values.find((candidate) => isFill(candidate, fill));
    if (value !== undefined) {
      return filled(crash, heap, { value, fill, state });
    }
  }
  return null;
}

function filled(
  crash: Crash,
  heap: HeapFacts,
  { value, fill, state }: { value: string; fill: string; state: "freed" | "live" },
): Diagnosis {
  const from = heap.pointers.find(
    ({ register, truncated, block }) => register !== "the address" && !truncated && block.state === state,
  );
  const register = crash.registers.find((one) => one.value === value)?.name;
  const [meaning, when] = state === "freed" ? ["freed", "freed"] : ["allocated and not yet written", "allocated"];
  return {
    code: "poisoned-pointer",
    title: `Pointer ${value} was read from memory that was ${meaning}, used in ${whereOf(crash)}`,
    message:
      `The pointer was not computed: ffi-doctor fills memory of the libraries in question with 0x${fill} when it is ${when}. ` +
      (from === undefined
        ? "Which block it was read from is not in a register any more."
        : `${from.register} still points into such a block of ${bytes(from.block.size ?? 0)}.`),
    confidence: from === undefined ? "likely" : "proved",
    evidence: [
      `the pointer${register === undefined ? "" : ` in ${register}`} is ${value}`,
      ...(from === undefined ? [] : [`${from.register} is ${from.value}, in a block that is ${state}`]),
    ],
    ...(from === undefined ? {} : { block: from.block, stacks: from.stacks }),
  };
}

/** All bytes are the pattern, but for a field's offset. */
function isFill(value: string, fill: string): boolean {
  const [number, whole] = [BigInt(value), BigInt(`0x${fill.repeat(8)}`)];
  const distance = number > whole ? number - whole : whole - number;
  return distance <= FIELD && BigInt(`0x${fill}`) !== 0n;
}

/** A checker saw an access to an address that is a fill pattern. */
export const poisonedPointerChecked: CheckedRule = (error) => {
  const address = error.access?.base?.value ?? error.access?.address ?? null;
  const poison = error.mistake !== "unmapped-access" || address === null ? null : poisonOf(address);
  if (poison === null) {
    return null;
  }
  return {
    code: "poisoned-pointer",
    title: `${accessText(error)} through ${address}, in ${whereIn(shownAt(error))}`,
    message: `The pointer is made of ${poison.pattern}: ${poison.meaning}. It was read from memory in that state.`,
    confidence: "likely",
    evidence: checkedEvidence(error),
  };
};
