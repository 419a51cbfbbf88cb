import type { Block, Box, StackRecord } from "../blackbox/records.js";
import type { Boxes } from "./boxes.js";
import { REGISTER } from "./registers.js";
import { lookedUp } from "./stacks.js";

/** What has to be asked of one file, by addresses within it. */
export interface WantedModule {
  path: string;
  buildId: string | null;
  addresses: Set<bigint>;
  /** Innermost return addresses, of which it is asked what is called before them. */
  calls: Set<bigint>;
}

export interface WantedInstruction {
  /** As symbols.json has it. */
  key: string;
  pc: bigint;
  /** What was there when the signal came. */
  bytes: Buffer;
}

export interface Wanted {
  modules: WantedModule[];
  instructions: WantedInstruction[];
  /** All files that were mapped, those in question first. */
  mapped: string[];
}

/** So many addresses of one file are asked for, and so many pairs of one process looked at. */
const MOST = 20_000;

/** All addresses of a step that a report may name, those of `pairs` among them. */
export function wantedOf(boxes: Boxes, pairs: readonly Pair[]): Wanted {
  const asking = new Asking(boxes);
  for (const box of boxes.all) {
    asking.heap(box);
    asking.signals(box);
  }
  for (const { box, block } of pairs) {
    asking.block(box, block);
  }
  return { ...asked(boxes, asking), instructions: asking.instructions };
}

/** The inner ends alone of the stacks of each pair of places: they tell whose allocator was at work. */
export function wantedOfPairs(boxes: Boxes): Wanted {
  const asking = new Asking(boxes);
  for (const { box, block } of pairsIn(boxes)) {
    asking.end(box, block.allocStack);
    asking.end(box, block.freeStack);
  }
  return asked(boxes, asking);
}

/** A block that was allocated at one place and freed at another, the first of each such pair. */
export interface Pair {
  box: Box;
  block: Block;
}

export function pairsIn(boxes: Boxes): Pair[] {
  return boxes.all.flatMap((box) => box.freedBy.slice(0, MOST).map(({ block }) => ({ box, block })));
}

function asked(boxes: Boxes, asking: Asking): Wanted {
  const mapped = boxes.all
    .flatMap((box) => box.modules)
    .filter(({ path }) => path.startsWith("/"))
    .sort((a, b) => Number(b.inQuestion) - Number(a.inQuestion));
  return {
    modules: [...asking.modules.values()],
    instructions: [],
    mapped: [...new Set(mapped.map(({ path }) => path))],
  };
}

class Asking {
  readonly modules = new Map<string, WantedModule>();
  readonly instructions: WantedInstruction[] = [];
  private readonly boxes: Boxes;
  /** Thousands of blocks share a few stacks. */
  private readonly seen = new Set<StackRecord>();

  constructor(boxes: Boxes) {
    this.boxes = boxes;
  }

  heap(box: Box): void {
    for (const { stack, block } of box.heapErrors) {
      this.stack(box, stack);
      this.block(box, block);
    }
    for (const { stack, example } of box.leaks) {
      this.stack(box, stack);
      this.block(box, example);
    }
    for (const { block } of this.boxes.pointersIn(box)) {
      this.block(box, block);
    }
  }

  signals(box: Box): void {
    for (const { handler, order } of box.handlers) {
      this.address(box, handler, order);
    }
    for (const { caller, order } of box.exits) {
      this.address(box, lookedUp(caller, false), order);
    }
    const instructions = new Map(
      box.captures.filter(({ part }) => part === "instruction").map((capture) => [capture.signal, capture]),
    );
    for (const signal of box.signals) {
      const pc = signal.registers[REGISTER.rip] ?? 0n;
      this.stack(box, signal.stack);
      this.address(box, pc, signal.order);
      const captured = instructions.get(signal.id);
      if (captured !== undefined) {
        const key = `${box.header.pid}.${box.header.image}.${signal.id}`;
        this.instructions.push({ key, pc, bytes: captured.bytes });
      }
    }
  }

  private address(box: Box, address: bigint, order: number, kind: "addresses" | "calls" = "addresses"): void {
    const module = this.boxes.moduleAt(box, address, order);
    if (module === null || !module.path.startsWith("/")) {
      return;
    }
    const { path, buildId } = module;
    const known = this.modules.get(path) ?? { path, buildId, addresses: new Set(), calls: new Set() };
    this.modules.set(path, known);
    if (known[kind].size < MOST) {
      known[kind].add(address - module.base);
    }
  }

  /** The innermost frame of a stack, and what it calls. */
  end(box: Box, id: number): void {
    const found = this.boxes.stackOf(box, id);
    const innermost = found?.stack.pcs[0];
    if (found !== null && innermost !== undefined) {
      this.address(found.box, lookedUp(innermost, found.stack.exact), found.stack.order);
      if (!found.stack.exact) {
        this.address(found.box, innermost, found.stack.order, "calls");
      }
    }
  }

  private stack(box: Box, id: number): void {
    const found = this.boxes.stackOf(box, id);
    if (found === null || this.seen.has(found.stack)) {
      return;
    }
    this.seen.add(found.stack);
    found.stack.pcs.forEach((pc, i) => {
      this.address(found.box, lookedUp(pc, found.stack.exact && i === 0), found.stack.order);
    });
    this.end(box, id);
  }

  block(box: Box, { allocStack, freeStack }: Block): void {
    this.stack(box, allocStack);
    this.stack(box, freeStack);
  }
}
