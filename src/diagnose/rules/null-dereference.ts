import { NULL_PAGE } from "../addresses.js";
import { accessText, checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, isFault, nameOf, type Rule, siteOf, whereIn, whereOf } from "../diagnosis.js";

/** A fault in the first 64 KiB, which nothing is ever mapped to: a null pointer, or a field or element reached through one. */
export const nullDereference: Rule = (crash) => {
  const { access, signal } = crash;
  if (!isFault(crash, "SIGSEGV") || access === null || access.address === null || access.kind === "execute") {
    return null;
  }
  const address = BigInt(access.address);
  if (address >= NULL_PAGE || signal.codeName === "SI_KERNEL") {
    return null;
  }
  const viaNull = access.base !== null && BigInt(access.base.value) === 0n;
  const offset = address === 0n ? "" : `, field at offset ${access.address}`;
  const site = siteOf(crash);
  return {
    code: "null-dereference",
    title: `${access.kind === "write" ? "Write" : "Read"} through a null pointer${offset}, in ${whereOf(crash)}`,
    message:
      `${nameOf(site)} ${access.kind === "write" ? "wrote" : "read"} ${access.size === null ? "memory" : `${access.size} bytes`} at ${access.address}. ` +
      (address === 0n
        ? "The pointer is null."
        : `A null pointer to a structure, and a field ${Number(address)} bytes into it, gives exactly such an address.`),
    confidence: viaNull || address === 0n ? "proved" : "likely",
    evidence: [
      `${signal.name} ${signal.codeName} at address ${access.address}, below the 64 KiB that are never mapped`,
      ...(access.base === null ? [] : [`the pointer was in ${access.base.register} = ${access.base.value}`]),
      ...nullArgument(site?.args ?? []),
    ],
  };
};

function nullArgument(args: readonly { name: string; value: string }[]): string[] {
  return args.filter(({ value }) => value === "0x0").map(({ name }) => `its argument ${name} is null`);
}

/** A checker saw an access to the first 64 KiB. */
export const nullDereferenceChecked: CheckedRule = (error) => {
  const address = error.access?.address ?? null;
  if (error.mistake !== "unmapped-access" || address === null || BigInt(address) >= NULL_PAGE) {
    return null;
  }
  const offset = BigInt(address) === 0n ? "" : `, field at offset ${address}`;
  return {
    code: "null-dereference",
    title: `${accessText(error)} through a null pointer${offset}, in ${whereIn(shownAt(error))}`,
    message:
      BigInt(address) === 0n
        ? "The pointer is null."
        : `A null pointer to a structure, and a field ${Number(address)} bytes into it, gives exactly such an address.`,
    // A checker tells no register: what a freed block now holds may give such an address, too.
    confidence: BigInt(address) === 0n ? "proved" : "likely",
    evidence: checkedEvidence(error),
  };
};
