import { isCanonical, mapAt } from "../addresses.js";
import { accessText, checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, isFault, type Rule, whereIn, whereOf } from "../diagnosis.js";

/** Instructions that insist on alignment, and to how many bytes (Intel SDM vol. 2): 16, or the width of the vector register. */
const ALIGNED = /^v?(movaps|movapd|movdqa(32|64)?|movntdq|movntps|movntpd|movntdqa)\b/;
const LEGACY_SSE = /%xmm/;

/** An address that is mapped and yet faults, as it is not a multiple of what the instruction asks for. */
export const misalignedPointer: Rule = (crash) => {
  const { access, signal, instruction } = crash;
  if (access === null || access.address === null) {
    return null;
  }
  const byKernel = isFault(crash, "SIGBUS") && signal.codeName === "BUS_ADRALN";
  const align = alignmentOf(instruction ?? "");
  const address = BigInt(access.address);
  const byOperand =
    isFault(crash, "SIGSEGV") &&
    signal.codeName === "SI_KERNEL" &&
    align !== null &&
    isCanonical(address) &&
    mapAt(crash.maps, address) !== undefined &&
    address % BigInt(align) !== 0n;
  if (!byKernel && !byOperand) {
    return null;
  }
  const rest = align === null ? "" : `, ${address % BigInt(align)} past a multiple of ${align}`;
  return {
    code: "misaligned-pointer",
    title: `Access to ${access.address}, which is not aligned as the code expects, in ${whereOf(crash)}`,
    message:
      `The memory at ${access.address} is there, but the instruction (${instruction ?? "unknown"}) needs an aligned address${rest}. ` +
      "The compiler chose it because the type promises an alignment that this pointer does not have: a cast from bytes, a packed structure, or a buffer that the caller aligned less.",
    confidence: "proved",
    evidence: [
      `${signal.name} ${signal.codeName}`,
      `the address is ${access.address}${rest}, and is mapped`,
      `the instruction is ${instruction ?? "unknown"}`,
    ],
  };
};

function alignmentOf(instruction: string): number | null {
  const words = instruction.trim();
  if (ALIGNED.test(words)) {
    return /%zmm/.test(words) ? 64 : /%ymm/.test(words) ? 32 : 16;
  }
  // Legacy SSE arithmetic with a memory operand needs 16 bytes too; the VEX forms do not.
  return !words.startsWith("v") &&
    LEGACY_SSE.test(words) &&
    !/^(movup|movdqu|lddqu|movs[sd]|movq|movd|mov[hl]p|cvt|ucomis|comis|\w+s[sd]\b)/.test(words)
    ? 16
    : null;
}

/** UndefinedBehaviorSanitizer saw an access through a pointer that is not aligned as its type asks. */
export const misalignedPointerChecked: CheckedRule = (error) => {
  if (error.mistake !== "misaligned-access") {
    return null;
  }
  const address = error.access?.address ?? null;
  return {
    code: "misaligned-pointer",
    title: `${accessText(error)} ${address === null ? "that" : `at ${address}, which`} is not aligned as its type asks, in ${whereIn(shownAt(error))}`,
    message:
      "The type promises an alignment that this pointer does not have: a cast from bytes, a packed structure, or a buffer that the caller aligned less. Where the compiler believes the promise, it faults.",
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
