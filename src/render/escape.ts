/** What is cut from a name that a target chose, in characters. */
const LONGEST = 400;

/** Control and format characters (bidirectional overrides and what takes no room among them), line separators, lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The first half of a pair that a cut took the second half from. */
const HALF_PAIR = /[\ud800-\udbff]$/;

/** Text from a target, made harmless for a terminal: every character that acts instead of showing is written out. */
export function escapeText(text: string, longest = LONGEST): string {
  const cut = text.length > longest ? `${text.slice(0, longest).replace(HALF_PAIR, "")}...` : text;
  return cut.replace(UNSAFE, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}
