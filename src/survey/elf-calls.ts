import { type Reader, readSections, type Section, text, withReader } from "./elf.js";
import { functionsAt } from "./elf-symbols.js";

const SHT_RELA = 4;
const SHT_DYNSYM = 11;
const RELA_SIZE = 24;
const R_X86_64_RELATIVE = 8;
const SYMBOL_SIZE = 24;
const EXECUTABLE = 4;
/** Of a PLT entry, in which the jump may have endbr64 or bnd before it. */
const STUB = 16;
/** A runtime's code is large; more of it is not read. */
const MOST_CODE = 192 << 20;
/** A call's or a jump's target and distance, which are the last of its bytes. */
const DISTANCE = 4;

/** Of a function's body that is looked through. */
const LONGEST_BODY = 1 << 16;
/** Opcodes before a distance, which counts from the instruction's end (Intel SDM vol. 2, CALL and JMP). */
const CALL = [0xe8];
const CALL_BY_SLOT = [0xff, 0x15];
const JUMP = [0xe9];
const JUMP_BY_SLOT = [0xff, 0x25];

/** What a call goes to: an import by its name, or a function of the same file, with where that lies. */
export interface Target {
  function: string;
  body: Body | null;
}

export interface Body {
  address: bigint;
  size: bigint;
}

interface Jump {
  at: bigint;
  function: string;
}

/**
 * What the call right before each return address calls. x86-64 alone; an address is left out where the call goes by a register, or by
 * memory that is no import's slot.
 */
export function callsBefore(path: string, returns: readonly bigint[]): Map<bigint, Target> {
  const out = new Map<bigint, Target>();
  const within = new Map<bigint, bigint>();
  withReader(path, (reader) => {
    const code = new Code(reader);
    for (const back of returns) {
      const { name, target } = code.goal(back, CALL, CALL_BY_SLOT);
      if (name !== null) {
        out.set(back, { function: name, body: null });
      } else if (target !== null) {
        within.set(back, target);
      }
    }
    return null;
  });
  const found = within.size === 0 ? null : functionsAt(path, [...within.values()]);
  for (const [back, address] of within) {
    const { name, size, start } = found?.get(address) ?? { name: null, size: 0n, start: 0n };
    if (name !== null && start === address) {
      out.set(back, { function: name, body: { address, size } });
    }
  }
  return out;
}

/**
 * The jumps within functions that lead to one of those that are wanted, by the address of the function. Each byte is tried: that a
 * distance leads to the very address by chance is one in four milliards.
 */
export function jumpsWithin(
  path: string,
  bodies: readonly Body[],
  isWanted: (name: string) => boolean,
): Map<bigint, Jump[]> {
  const out = new Map<bigint, Jump[]>(bodies.map(({ address }) => [address, []]));
  const within: { body: bigint; at: bigint; target: bigint }[] = [];
  withReader(path, (reader) => {
    const code = new Code(reader);
    for (const body of bodies) {
      for (const { at, name, target } of jumpsIn(code, body)) {
        if (name !== null && isWanted(name)) {
          out.get(body.address)?.push({ at, function: name });
        } else if (name === null && target !== null) {
          within.push({ body: body.address, at, target });
        }
      }
    }
    return null;
  });
  const targets = within.map(({ target }) => target);
  const found = targets.length === 0 ? null : functionsAt(path, targets);
  for (const { body, at, target } of within) {
    const known = found?.get(target);
    if (known !== undefined && known.start === target && isWanted(known.name)) {
      out.get(body)?.push({ at, function: known.name });
    }
  }
  return out;
}

/** Whatever may be a jump out of a function. */
function* jumpsIn(
  code: Code,
  { address, size }: Body,
): Generator<{ at: bigint; name: string | null; target: bigint | null }> {
  const end = address + (size > LONGEST_BODY ? BigInt(LONGEST_BODY) : size);
  for (let at = address; at < end; at += 1n) {
    for (const opcode of [JUMP, JUMP_BY_SLOT]) {
      const goal = code.goal(at + BigInt(opcode.length + DISTANCE), JUMP, JUMP_BY_SLOT);
      if (goal.at === at && (goal.name !== null || goal.target !== null)) {
        yield { ...goal, at };
      }
    }
  }
}

/** Where functions that a file gives to others begin, and their sizes; those that it does not give are left out. */
export function exportsOf(path: string, names: ReadonlySet<string>): Map<string, Body> {
  const out = new Map<string, Body>();
  withReader(path, (reader) => {
    const sections = readSections(reader);
    const symbols = sections.find(({ type }) => type === SHT_DYNSYM);
    const strings = symbols && sections[symbols.link];
    if (symbols && strings) {
      const table = reader.at(symbols.offset, symbols.size);
      const all = reader.at(strings.offset, strings.size);
      for (let at = 0; at + SYMBOL_SIZE <= table.length; at += SYMBOL_SIZE) {
        const name = table.readUInt16LE(at + 6) === 0 ? "" : text(all, table.readUInt32LE(at));
        if (names.has(name)) {
          out.set(name, { address: table.readBigUInt64LE(at + 8), size: table.readBigUInt64LE(at + 16) });
        }
      }
    }
    return null;
  });
  return out;
}

/** The code of a file, and the imports that it reaches by their slots. */
class Code {
  private readonly parts: { low: bigint; bytes: Buffer }[];
  private readonly slots: Slots;

  constructor(reader: Reader) {
    const sections = readSections(reader);
    this.parts = sections
      .filter(({ flags, size }) => (flags & EXECUTABLE) !== 0 && size > 0 && size <= MOST_CODE)
      .map(({ address, offset, size }) => ({ low: address, bytes: reader.at(offset, size, MOST_CODE) }));
    this.slots = slotsOf(reader, sections);
  }

  /** Where an instruction goes that ends there: an import, or an address of the same file. `at` is where it begins. */
  goal(
    end: bigint,
    direct: readonly number[],
    bySlot: readonly number[],
  ): { at: bigint; name: string | null; target: bigint | null } {
    const slot = this.reached(end, bySlot);
    if (slot !== null) {
      const at = end - BigInt(bySlot.length + DISTANCE);
      return { at, name: this.slots.names.get(slot) ?? null, target: this.slots.own.get(slot) ?? null };
    }
    const target = this.reached(end, direct);
    const stub = target === null ? null : this.slotOfStub(target);
    return {
      at: end - BigInt(direct.length + DISTANCE),
      name: stub === null ? null : (this.slots.names.get(stub) ?? null),
      target,
    };
  }

  /** The address that an instruction names which ends there and begins with the opcode. */
  private reached(end: bigint, opcode: readonly number[]): bigint | null {
    const length = opcode.length + DISTANCE;
    const bytes = this.at(end - BigInt(length), length);
    return bytes !== null && opcode.every((byte, i) => bytes[i] === byte)
      ? BigInt.asUintN(64, end + BigInt(bytes.readInt32LE(opcode.length)))
      : null;
  }

  /** A PLT entry begins with its jump by a slot: ff 25 and the distance. */
  private slotOfStub(target: bigint): bigint | null {
    const stub = this.at(target, STUB);
    const at = stub === null ? -1 : stub.indexOf(Buffer.from(JUMP_BY_SLOT));
    return stub === null || at < 0 || at > 5 ? null : target + BigInt(at + 6) + BigInt(stub.readInt32LE(at + 2));
  }

  private at(address: bigint, length: number): Buffer | null {
    const part = this.parts.find(
      ({ low, bytes }) => low <= address && address + BigInt(length) <= low + BigInt(bytes.length),
    );
    const from = part === undefined ? 0 : Number(address - part.low);
    return part === undefined ? null : part.bytes.subarray(from, from + length);
  }
}

/** What the dynamic linker fills in, by address: imports by their names, and addresses of the file's own. */
interface Slots {
  names: Map<bigint, string>;
  own: Map<bigint, bigint>;
}

function slotsOf(reader: Reader, sections: readonly Section[]): Slots {
  const out: Slots = { names: new Map(), own: new Map() };
  for (const section of sections.filter(({ type }) => type === SHT_RELA)) {
    const symbols = sections[section.link];
    const strings = symbols && sections[symbols.link];
    const table = reader.at(section.offset, section.size, MOST_CODE);
    const entries = symbols && strings && symbols.size > 0 ? reader.at(symbols.offset, symbols.size) : null;
    const names = entries === null || !strings ? null : reader.at(strings.offset, strings.size);
    for (let at = 0; at + RELA_SIZE <= table.length; at += RELA_SIZE) {
      const [type, index] = [table.readUInt32LE(at + 8), table.readUInt32LE(at + 12)];
      if (type === R_X86_64_RELATIVE) {
        out.own.set(table.readBigUInt64LE(at), table.readBigUInt64LE(at + 16));
      } else if (index !== 0 && entries !== null && names !== null && (index + 1) * SYMBOL_SIZE <= entries.length) {
        out.names.set(table.readBigUInt64LE(at), text(names, entries.readUInt32LE(index * SYMBOL_SIZE)));
      }
    }
  }
  return out;
}
