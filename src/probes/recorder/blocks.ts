import type { Block as ModelBlock } from "../../model/block.js";
import type { Stack } from "../../model/frame.js";
import type { NameOf } from "../blackbox/layout.js";
import type { Block, Box } from "../blackbox/records.js";
import { stackOf, type Told } from "./stacks.js";

const ALLOCATED: Record<NameOf<"family">, string | null> = {
  unknown: null,
  malloc: "malloc",
  new: "operator new",
  newArray: "operator new[]",
};
const FREED: Record<NameOf<"family">, string | null> = {
  unknown: null,
  malloc: "free",
  new: "operator delete",
  newArray: "operator delete[]",
};

/** A number that JSON can hold; what is larger is damaged, or no block's. */
export function safe(value: bigint): number {
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(value > most ? most : value < -most ? -most : value);
}

export function hex(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16)}`;
}

/** A watched block in the words that all checkers share. */
export function blockOf(block: Block): ModelBlock {
  return {
    address: hex(block.address),
    size: safe(block.size),
    offset: safe(block.offset),
    state: block.state === "live" || block.state === "freed" ? block.state : "unknown",
    allocatedBy: ALLOCATED[block.allocFamily ?? "unknown"],
    freedBy: FREED[block.freeFamily ?? "unknown"],
  };
}

/** Where it was freed and allocated. Without stacks the module alone is known whose import allocated it. */
export function livesOf(told: Told, box: Box, block: Block): { alloc: Stack | null; free: Stack | null } {
  const alloc = stackOf(told, box, block.allocStack, "alloc", String(block.allocTid));
  return {
    alloc: alloc ?? moduleAlone(told, box, block),
    free: block.freeStack === 0 ? null : stackOf(told, box, block.freeStack, "free", String(block.freeTid)),
  };
}

function moduleAlone({ boxes }: Told, box: Box, block: Block): Stack | null {
  const module = [box, boxes.parentOf(box)].flatMap((one) => one?.modules ?? []).find(({ id }) => id === block.module);
  const none = { offset: null, file: null, line: null, column: null, language: null, boundary: false, args: [] };
  return module === undefined || module.path === ""
    ? null
    : {
        role: "alloc",
        thread: String(block.allocTid),
        truncated: "stacks were not asked for, or there was no room for this one",
        frames: [
          {
            index: 0,
            pc: "0x0",
            function: null,
            module: module.path,
            ...none,
            side: "system",
            kind: "normal",
            foldedCount: 0,
          },
        ],
      };
}
