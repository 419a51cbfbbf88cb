import { isCanonical, whereIs } from "../addresses.js";
import { accessText, addressOf, blockText, checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, isFault, type Rule, whereIn, whereOf } from "../diagnosis.js";

/** An address where nothing is mapped, and that no narrower rule explains: a stale, corrupt or miscomputed pointer. */
export const wildPointer: Rule = (crash) => {
  const { access, signal } = crash;
  if (!isFault(crash, "SIGSEGV") || access === null || access.address === null || access.kind === "execute") {
    return null;
  }
  const address = BigInt(access.address);
  const impossible = !isCanonical(address);
  const reserved = crash.region?.inside?.perms.startsWith("---") === true;
  if (!impossible && !reserved && (crash.region === null || crash.region.inside !== null)) {
    return null;
  }
  const text = asText(access.base?.value ?? access.address);
  return {
    code: "wild-pointer",
    title: `${access.kind === "write" ? "Write" : "Read"} through a wild pointer (${access.address}), in ${whereOf(crash)}`,
    message: [
      impossible
        ? `${access.address} is no address that this processor has: data was taken for a pointer, or overwrote one.`
        : reserved
          ? `${access.address} lies in memory that was set aside and never given out: the pointer is stale, overwritten or miscomputed. A crash alone cannot tell which.`
          : `Nothing is mapped at ${access.address}: the pointer is stale, overwritten or miscomputed. A crash alone cannot tell which.`,
      ...(text === null ? [] : [`Its bytes read as the text "${text}".`]),
    ].join(" "),
    confidence: "proved",
    evidence: [
      `${signal.name} ${signal.codeName} at ${access.address}${access.addressFrom === "operand" ? " (worked out from the instruction: the kernel gives no address for it)" : ""}`,
      ...(whereIs(crash) === null ? [] : [whereIs(crash) ?? ""]),
      ...(access.base === null ? [] : [`the pointer was in ${access.base.register} = ${access.base.value}`]),
    ],
  };
};

/** Printable bytes are a strong sign of text over a structure; six are what an ordinary address has, and may be printable by chance. */
function asText(value: string): string | null {
  const bytes = Buffer.from(BigInt(value).toString(16).padStart(16, "0"), "hex").reverse();
  const text = bytes.toString("latin1").replace(/\0+$/, "");
  return text.length >= 5 && text.length !== 6 && /^[\x20-\x7e]+$/.test(text) ? text : null;
}

/** A general protection fault comes without an address (Intel SDM vol. 3, interrupt 13), and a sanitizer does not work it out. */
const NO_ADDRESS =
  "The processor gave no address, as for one that no pointer can have (data was taken for a pointer, or overwrote one), and for an instruction that needs an aligned address and got another. The registers tell which: gdb-capture shows them.";

/** A checker saw an access to memory that belongs to nothing. */
export const wildPointerChecked: CheckedRule = (error) => {
  if (error.mistake !== "unmapped-access") {
    return null;
  }
  const address = addressOf(error);
  const where = whereIn(shownAt(error));
  if (address === null) {
    return {
      code: "wild-pointer",
      title: `${accessText(error)} through a bad pointer, in ${where}`,
      message: NO_ADDRESS,
      confidence: "likely",
      evidence: checkedEvidence(error),
    };
  }
  const text = asText(error.access?.base?.value ?? address);
  const block = blockText(error);
  return {
    code: "wild-pointer",
    title: `${accessText(error)} through a wild pointer (${address}), in ${where}`,
    message: [
      block === null
        ? "The address belongs to no block that is live or was freed lately, to no stack and to no variable: the pointer is stale for long, overwritten or miscomputed."
        : `The address is ${block}.`,
      ...(text === null ? [] : [`Its bytes read as the text "${text}".`]),
    ].join(" "),
    confidence: "proved",
    evidence: checkedEvidence(error),
  };
};
