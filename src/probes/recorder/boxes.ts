import type { Recording } from "../../model/recording.js";
import { constants } from "../blackbox/layout.js";
import { pointerIn, readBox } from "../blackbox/reader.js";
import type { Box, ModuleRecord, Pointer, StackRecord } from "../blackbox/records.js";

/** A journal is not longer (FFID_BOX_LIMIT). */
const LONGEST = constants.boxHeader + (64 << 20);
/** A run of more program images is told by these. */
const MOST = 2000;
/** Forks of forks. */
const DEEPEST = 64;

/** The black boxes of one step: of each process one for each program that it was. */
export class Boxes {
  readonly all: readonly Box[];
  /** Files that should be boxes and are none. */
  readonly unreadable: readonly string[];
  /** Boxes beyond those that are read. */
  readonly left: number;
  private readonly byName: ReadonlyMap<string, Box>;

  constructor(recording: Recording) {
    const names = recording.names().filter((name) => /^box\.\d{1,10}\.\d{1,6}$/.test(name));
    const read = names.slice(0, MOST).map((name) => {
      const bytes = recording.bytes(name, LONGEST);
      return [name, bytes === null ? null : readBox(bytes)] as const;
    });
    const good = read.flatMap(([name, box]) => (box === null ? [] : [[name, box] as const]));
    this.byName = new Map(good);
    this.all = [...this.byName.values()].sort((a, b) => a.header.pid - b.header.pid || a.header.image - b.header.image);
    this.unreadable = read.flatMap(([name, box]) => (box === null ? [name] : []));
    this.left = names.length - read.length;
  }

  /** In ascending order. */
  pids(): number[] {
    return [...new Set(this.all.map(({ header }) => header.pid))];
  }

  /** The programs that a process was, one after the other. */
  imagesOf(pid: number): Box[] {
    return this.all.filter(({ header }) => header.pid === pid);
  }

  /** The box that this one's process was forked from, where it is at hand. */
  parentOf({ header }: Box): Box | null {
    const { forkedFrom } = header;
    return forkedFrom === null ? null : (this.byName.get(`box.${forkedFrom.pid}.${forkedFrom.image}`) ?? null);
  }

  /** A stack by its id, and the box whose modules its addresses are of. */
  stackOf(box: Box, id: number): { stack: StackRecord; box: Box } | null {
    let at: Box | null = box;
    for (let i = 0; id !== 0 && at !== null && i < DEEPEST; i += 1) {
      const stack = at.stacks.get(id);
      if (stack !== undefined) {
        return { stack, box: at };
      }
      at = id < at.header.firstStack ? this.parentOf(at) : null;
    }
    return null;
  }

  /** The module that an address lay in when a record was written; one that had come or gone then, where there is no other. */
  moduleAt(box: Box, address: bigint, order: number): ModuleRecord | null {
    const over = box.modules.filter(({ low, high }) => low <= address && address < high);
    const then = over.findLast(
      (module) =>
        module.order <= order &&
        !box.modulesGone.some((gone) => gone.id === module.id && gone.order > module.order && gone.order < order),
    );
    const found = then ?? over.at(-1) ?? null;
    const parent = found === null ? this.parentOf(box) : null;
    return parent === null || parent === box
      ? found
      : (parent.modules.findLast(({ low, high }) => low <= address && address < high) ?? null);
  }

  /** The watched blocks that captures of this box's signals name. */
  pointersIn(box: Box): Pointer[] {
    return box.captures.flatMap(({ part, bytes }) => (part === "pointer" ? (pointerIn(bytes) ?? []) : []));
  }

  /** What a process is: told by its own box, or by that of the process it was forked from. */
  programOf(box: Box): { executable: string | null; command: string[] } {
    let at: Box | null = box;
    for (let i = 0; at !== null && i < DEEPEST; i += 1) {
      const told = at.processes.at(-1);
      if (told !== undefined) {
        return { executable: told.executable, command: told.command };
      }
      at = this.parentOf(at);
    }
    const program = box.modules.find((module) => module.program);
    return { executable: program?.path ?? null, command: [] };
  }
}
