/** The escapes of Rust's older mangling (rustc_symbol_mangling::legacy), which a C++ demangler leaves in the names that it takes apart. */
const ESCAPES: Record<string, string> = {
  C: ",",
  SP: "@",
  BP: "*",
  RF: "&",
  LT: "<",
  GT: ">",
  LP: "(",
  RP: ")",
};

/** "_$LT$alloc..boxed..Box$LT$T$GT$$u20$as$u20$X$GT$::drop" as people write it, without the hash; any other name as it is. */
export function unescapeLegacyRust(name: string): string {
  const whole = name.replace(/::h[0-9a-f]{16}$/, "");
  if (!/\$(LT|GT|RF|u20|u7b|C|LP|RP|BP|SP)\$/.test(whole)) {
    return whole;
  }
  return whole
    .replace(/(^|::)_\$/g, "$1$")
    .replace(/\$([A-Z]{1,2})\$/g, (whole, word: string) => ESCAPES[word] ?? whole)
    .replace(/\$u([0-9a-f]{1,6})\$/g, (whole, code: string) => {
      const point = Number.parseInt(code, 16);
      return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff) ? String.fromCodePoint(point) : whole;
    })
    .replace(/\.\./g, "::");
}
