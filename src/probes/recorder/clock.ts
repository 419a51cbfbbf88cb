import type { Box } from "../blackbox/records.js";
import type { Boxes } from "./boxes.js";

const NS_PER_MS = 1e6;

/** Milliseconds since the first process of the step was recorded. */
export class Clock {
  private readonly start: bigint;

  constructor(boxes: Boxes) {
    this.start =
      boxes.all.reduce<bigint | null>(
        (least, { header }) => (least === null || header.monotonic < least ? header.monotonic : least),
        null,
      ) ?? 0n;
  }

  ofMonotonic(monotonic: bigint): number {
    return rounded(Number(monotonic - this.start) / NS_PER_MS);
  }

  /** By the two points at which the box noted both clocks. 0 ticks is the start. */
  ofTicks({ header }: Box, ticks: bigint): number {
    const [spanTicks, spanNs] = [header.lastTicks - header.ticks, header.lastMonotonic - header.monotonic];
    if (ticks === 0n) {
      return 0;
    }
    if (spanTicks <= 0n || spanNs < 0n) {
      return this.ofMonotonic(header.monotonic);
    }
    const ns = (Number(ticks - header.ticks) / Number(spanTicks)) * Number(spanNs);
    return rounded(Number(header.monotonic - this.start) / NS_PER_MS + ns / NS_PER_MS);
  }
}

/** To a microsecond; never negative, as a damaged clock may have it. */
function rounded(ms: number): number {
  return Number.isFinite(ms) ? Math.max(0, Math.round(ms * 1000) / 1000) : 0;
}
