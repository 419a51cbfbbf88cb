/** Of a sentence of a report. In characters. */
export const MOST_TEXT = 600;

/** "heap-use-after-free", "attempting double-free", "SEGV", "data race". */
export function kindOf(said: string): string {
  const known =
    /^(attempting double-free|attempting free on address which was not malloc\(\)-ed|attempting to call malloc_usable_size|requested allocation size|calloc parameters overflow|reallocarray parameters overflow|out of memory|data race(?: on vptr)?|lock-order-inversion)/.exec(
      said,
    )?.[1];
  if (known !== undefined) {
    return known;
  }
  const word = /^([\w-]+)(?::| on | \(|$)/.exec(said)?.[1];
  return word ?? said.replace(/0x[0-9a-f]+/g, "…").slice(0, 80);
}

/** Without the registers and the thread, which are told elsewhere. */
export function headline(said: string): string {
  return said
    .replace(/ at pc 0x.*$/, "")
    .replace(/ \(pc 0x.*$/, "")
    .replace(/ (?:in |\()thread T\d+.*$/, "")
    .replace(/:\s*$/, "")
    .slice(0, MOST_TEXT);
}

export function threadIn(text: string): string | null {
  return /\bthread (T\d+(?: \(.*?\))?)/.exec(text)?.[1] ?? / (T\d+)\)$/.exec(text)?.[1] ?? null;
}

export function hexIn(pattern: RegExp, text: string): string | null {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? null : hex(found);
}

export function hex(digits: string): string {
  return `0x${digits.replace(/^0+(?=.)/, "")}`;
}

/** Of the address from the block's first byte. */
export function offsetOf(where: string | undefined, distance: number, size: number): number {
  if (where === "inside of") {
    return distance;
  }
  return where === "to the right of" || where === "after" ? size + distance : -distance;
}
