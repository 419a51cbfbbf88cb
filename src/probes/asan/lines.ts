/** A longer line is cut here: no report has one, and what is hostile may have no end at all. In characters. */
const LONGEST = 1 << 14;

export interface Line {
  text: string;
  /** Part of it was left out. */
  cut: boolean;
  /** False for what the file ends with in the middle of a line. */
  whole: boolean;
}

/** The lines of a file of any size; at no time is more in memory than a piece and the longest line. */
export function* linesOf(pieces: Iterable<string>): Iterable<Line> {
  let rest = "";
  let cut = false;
  for (const piece of pieces) {
    let from = 0;
    for (let at = piece.indexOf("\n"); at >= 0; at = piece.indexOf("\n", from)) {
      const room = LONGEST - rest.length;
      const text = rest + piece.slice(from, Math.min(at, from + room));
      yield { text, cut: cut || at - from > room, whole: true };
      rest = "";
      cut = false;
      from = at + 1;
    }
    const room = LONGEST - rest.length;
    cut ||= piece.length - from > room;
    rest += piece.slice(from, from + Math.max(0, room));
  }
  if (rest !== "" || cut) {
    yield { text: rest, cut, whole: false };
  }
}
