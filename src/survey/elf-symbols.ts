import { type Reader, readSections, type Section, text, withReader } from "./elf.js";

const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;
const SYMBOL_SIZE = 24;
const STT_NOTYPE = 0;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;
/** How far a symbol without a size, as assembly has them, may be taken to reach, in bytes. */
const UNSIZED = 0x1000n;
/** A runtime's tables are large; larger ones are not read. */
const MOST = 192 << 20;

/** A function of a file, by the name that its symbol table has. */
export interface Function {
  name: string;
  start: bigint;
  /** 0 where the table does not say, as of what is written in assembly. */
  size: bigint;
}

interface Best {
  value: bigint;
  size: bigint;
  nameAt: number;
  /** The address lies within the symbol's size. */
  sure: boolean;
}

/**
 * The function that each address within a file belongs to, by its symbol table, else by its dynamic one; as the names are in the file.
 * Null for a file that is no ELF. Addresses that no symbol is for are left out.
 */
export function functionsAt(path: string, addresses: readonly bigint[]): Map<bigint, Function> | null {
  const sorted = [...new Set(addresses)].sort((a, b) => (a < b ? -1 : 1));
  return withReader(path, (reader) => {
    const sections = readSections(reader);
    const out = new Map<bigint, Function>();
    for (const type of [SHT_SYMTAB, SHT_DYNSYM]) {
      const left = sorted.filter((address) => !out.has(address));
      for (const [address, found] of inTable(reader, sections, type, left)) {
        out.set(address, found);
      }
    }
    return out;
  });
}

function inTable(
  reader: Reader,
  sections: readonly Section[],
  type: number,
  sorted: readonly bigint[],
): Map<bigint, Function> {
  const out = new Map<bigint, Function>();
  const symbols = sections.find((section) => section.type === type);
  const strings = symbols && sections[symbols.link];
  if (!symbols || !strings || sorted.length === 0) {
    return out;
  }
  const table = reader.at(symbols.offset, symbols.size, MOST);
  const best = new Map<bigint, Best>();
  for (let at = 0; at + SYMBOL_SIZE <= table.length; at += SYMBOL_SIZE) {
    const kind = table.readUInt8(at + 4) & 15;
    const defined = table.readUInt16LE(at + 6) !== 0;
    if (defined && (kind === STT_FUNC || kind === STT_GNU_IFUNC || kind === STT_NOTYPE)) {
      offer(best, sorted, {
        value: table.readBigUInt64LE(at + 8),
        size: table.readBigUInt64LE(at + 16),
        nameAt: table.readUInt32LE(at),
      });
    }
  }
  const names = reader.at(strings.offset, strings.size, MOST);
  for (const [address, { nameAt, value, size }] of best) {
    const name = text(names, nameAt);
    if (name !== "") {
      out.set(address, { name, start: value, size });
    }
  }
  return out;
}

/** The nearest symbol that the address lies in; one without a size only where there is no other. */
function offer(
  best: Map<bigint, Best>,
  sorted: readonly bigint[],
  { value, size, nameAt }: { value: bigint; size: bigint; nameAt: number },
): void {
  const sure = size > 0n;
  const end = value + (sure ? size : UNSIZED);
  for (let i = firstFrom(sorted, value); i < sorted.length; i += 1) {
    const address = sorted[i] ?? 0n;
    if (address >= end) {
      return;
    }
    const known = best.get(address);
    if (known === undefined || (sure && !known.sure) || (sure === known.sure && value > known.value)) {
      best.set(address, { value, size, nameAt, sure });
    }
  }
}

function firstFrom(sorted: readonly bigint[], value: bigint): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0n) < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** rustc's mark in .comment, which stripping leaves, and what Rust's standard library has. */
const RUST = /rustc version|rust_eh_personality|__rust_alloc/;

/** Whether a file holds code that rustc made; false where that cannot be seen. */
export function holdsRust(path: string): boolean {
  return (
    withReader(path, (reader) =>
      readSections(reader).some(
        ({ name, offset, size }) =>
          (name === ".comment" || name === ".dynstr" || name === ".strtab") &&
          RUST.test(reader.at(offset, size, MOST).toString("latin1")),
      ),
    ) ?? false
  );
}
