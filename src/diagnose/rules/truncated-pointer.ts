import type { Crash, MapEntry } from "../../model/crash.js";
import { mapAt, mapName, NULL_PAGE, suspects } from "../addresses.js";
import { bytes } from "../checked.js";
import { type Diagnosis, isFault, type Rule, whereOf } from "../diagnosis.js";

const LOW = (1n << 32n) - 1n;
const SIGN_EXTENDED = 0xffffffff00000000n;

/** The low 32 bits of a pointer to memory that is there: a binding declared a pointer as int, or kept a return value as one. */
export const truncatedPointer: Rule = (crash) => {
  if (!isFault(crash, "SIGSEGV", "SIGBUS")) {
    return null;
  }
  const watched = ofWatchedBlock(crash);
  if (watched !== null) {
    return watched;
  }
  for (const value of suspects(crash)) {
    const number = BigInt(value);
    const cut =
      number <= LOW ? "cut off" : (number & SIGN_EXTENDED) === SIGN_EXTENDED ? "replaced by copies of bit 31" : null;
    const low = number & LOW;
    const whole = cut === null || low < NULL_PAGE ? null : wholePointer(crash, low);
    if (whole !== null) {
      return {
        code: "truncated-pointer",
        title: `Pointer ${value} has lost its upper 32 bits, used in ${whereOf(crash)}`,
        message:
          `${value} itself is not mapped, but with its upper half (${cut}) put back it is 0x${whole.value.toString(16)}, in ${mapName(whole.map)}. ` +
          "Somewhere on its way it was kept in a 32-bit integer: an undeclared return type (C's and ctypes' default is int), or int where a pointer or size_t belongs.",
        confidence: "likely",
        evidence: [
          `the pointer is ${value}, ${cut === "cut off" ? "below 4 GiB" : "a sign-extended 32-bit value"}, and not mapped`,
          `0x${whole.value.toString(16)} has the same low half and is mapped: ${mapName(whole.map)}`,
        ],
      };
    }
  }
  return null;
};

/** The recorder knows the block whose address lost its upper half. */
function ofWatchedBlock(crash: Crash): Diagnosis | null {
  const asked = new Set(suspects(crash));
  const pointer = crash.heap?.pointers.find(
    ({ truncated, register, value }) => truncated && (register === "the address" || asked.has(value)),
  );
  const { address, offset, size, state } = pointer?.block ?? { address: null, offset: null, size: null, state: null };
  if (pointer === undefined || address === null || offset === null || size === null) {
    return null;
  }
  const whole = `0x${BigInt.asUintN(64, BigInt(address) + BigInt(offset)).toString(16)}`;
  const inside = offset >= 0 && offset < size;
  return {
    code: "truncated-pointer",
    title: `Pointer ${pointer.value} has lost its upper 32 bits, used in ${whereOf(crash)}`,
    message:
      `${pointer.value} is not mapped, and has the low half of ${whole}, which lies in a ${state === "freed" ? "freed " : ""}block of ${bytes(size)} of the library's. ` +
      "Somewhere on its way it was kept in a 32-bit integer: an undeclared return type (C's and ctypes' default is int), or int where a pointer or size_t belongs.",
    confidence: inside && state === "live" ? "proved" : "likely",
    evidence: [
      `the pointer is ${pointer.value}, and not mapped`,
      `a block of ${bytes(size)} begins at ${address}, ${state}`,
    ],
    block: pointer.block,
    stacks: pointer.stacks,
  };
}

/** Heap, stack and libraries all lie above 4 GiB in a position-independent program; data and a library's constants are what pointers point to. */
function wholePointer(crash: Crash, low: bigint): { value: bigint; map: MapEntry } | null {
  if (mapAt(crash.maps, low)?.perms.startsWith("r")) {
    return null;
  }
  const inQuestion = new Set(crash.modules.filter((module) => module.inQuestion).map(({ path }) => path));
  const likely = crash.maps.filter(
    ({ perms, path }) =>
      (perms.startsWith("rw") && (path === "[heap]" || path === null || path.startsWith("[stack"))) ||
      (perms.startsWith("r") && inQuestion.has(path ?? "")),
  );
  for (const map of likely) {
    const upper = BigInt(map.start) & ~LOW;
    const candidate = upper | low;
    if (upper !== 0n && BigInt(map.start) <= candidate && candidate < BigInt(map.end)) {
      return { value: candidate, map };
    }
  }
  return null;
}
