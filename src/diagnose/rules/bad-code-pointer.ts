import { mapAt, mapName } from "../addresses.js";
import { checkedEvidence, shownAt } from "../checked.js";
import {
  boundaryFrame,
  type CheckedRule,
  faultFrames,
  isFault,
  nameOf,
  type Rule,
  shortName,
  whereIn,
} from "../diagnosis.js";

/** The processor was sent to an address that holds no code: a wrong function pointer, vtable or return address. */
export const badCodePointer: Rule = (crash) => {
  const { access, signal } = crash;
  if (!isFault(crash, "SIGSEGV", "SIGBUS") || access?.kind !== "execute" || access.address === null) {
    return null;
  }
  const map = mapAt(crash.maps, BigInt(access.address));
  const caller = faultFrames(crash)[1] ?? null;
  const isNull = BigInt(access.address) === 0n;
  return {
    code: "bad-code-pointer",
    title: isNull
      ? `Call through a null function pointer, from ${nameOf(caller)}`
      : `Jump to ${access.address}, where there is no code, from ${nameOf(caller)}`,
    message:
      `The processor was sent to ${access.address}${map === undefined ? ", where nothing is mapped" : `, in ${mapName(map)}, which is not executable`}. ` +
      (isNull
        ? "A callback or function table entry was never set, or a symbol was not found."
        : "A function pointer, a vtable or a return address is wrong: a callback that no longer exists, an object that was freed, a stack that was overwritten, or a function declared otherwise than it is."),
    confidence: "proved",
    evidence: [
      `${signal.name} ${signal.codeName}: the program counter itself is ${access.address}`,
      ...(caller === null ? [] : [`the return address on the stack leads to ${shortName(caller)}`]),
      ...(boundaryFrame(crash) === null
        ? []
        : [`the call had crossed the boundary at ${nameOf(boundaryFrame(crash))}`]),
    ],
  };
};

/** A checker saw a jump to what is no code. */
export const badCodePointerChecked: CheckedRule = (error) => {
  if (error.mistake !== "bad-jump") {
    return null;
  }
  const address = error.access?.address ?? null;
  return {
    code: "bad-code-pointer",
    title: `Jump to ${address ?? "an address"}, where no code is, from ${whereIn(shownAt(error))}`,
    message:
      "A function pointer was never set, was freed with the object that held it, or a return address on the stack was overwritten.",
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
