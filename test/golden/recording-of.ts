import type { Recording } from "../../src/model/recording.js";

/** A recording from texts, as a decoder is given it. */
export function recordingOf(
  files: Readonly<Record<string, string>>,
  boxes: Readonly<Record<string, Buffer>> = {},
): Recording {
  return {
    names: () => [...Object.keys(files), ...Object.keys(boxes)].sort(),
    bytes: (name, limit) => boxes[name]?.subarray(0, limit) ?? null,
    text: (name) => files[name] ?? null,
    pieces: function* (name) {
      const text = files[name] ?? "";
      // Odd pieces, so that no decoder comes to lean on whole lines.
      for (let at = 0; at < text.length; at += 997) {
        yield text.slice(at, at + 997);
      }
    },
  };
}
