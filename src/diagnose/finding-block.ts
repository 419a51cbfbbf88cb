import type { Block } from "../model/block.js";
import type { Finding } from "../model/finding.js";
import type { Frame } from "../model/frame.js";
import { siteIn } from "./diagnosis.js";

/** Only a block that is known whole: a reader of the report takes its numbers as they are. */
export function findingBlock(
  block: Block | null,
  accessed: string | null,
  allocation: readonly Frame[],
): Pick<Finding, "block"> {
  if (block === null || block.size === null || block.offset === null) {
    return {};
  }
  const start = block.address ?? startOf(accessed, block.offset);
  if (start === null) {
    return {};
  }
  const owner = siteIn(allocation);
  return {
    block: {
      address: start,
      size: block.size,
      state: block.state,
      offset: block.offset,
      allocator: block.allocatedBy ?? "malloc's family",
      owner: owner?.module?.split("/").at(-1) ?? "unknown",
    },
  };
}

/** An address may wrap: a damaged recording must not give a number that no address can be. */
function startOf(accessed: string | null, offset: number): string | null {
  return accessed === null ? null : `0x${BigInt.asUintN(64, BigInt(accessed) - BigInt(offset)).toString(16)}`;
}
