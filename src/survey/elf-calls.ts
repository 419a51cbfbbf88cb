import { type Reader, readSections, type Section, text, withReader } from "./elf.js";
import { functionsAt } from "./elf-symbols.js";

const SHT_RELA = 4;
const RELA_SIZE = 24;
const SYMBOL_SIZE = 24;
const EXECUTABLE = 4;
const CALL_SIZE = 5;
const CALL_BY_SLOT_SIZE = 6;
/** Of a PLT entry, in which the jump may have endbr64 or bnd before it. */
const STUB = 16;

/**
 * What the call right before each return address calls: an import's name, or the function at its target. x86-64 alone; an address is left
 * out where the call goes by a register or by memory other than an import's slot.
 */
export function callsBefore(path: string, returns: readonly bigint[]): Map<bigint, string> {
  const out = new Map<bigint, string>();
  const targets = new Map<bigint, bigint>();
  withReader(path, (reader) => {
    const sections = readSections(reader);
    const code = sections.filter(({ flags }) => (flags & EXECUTABLE) !== 0);
    const slots = importSlots(reader, sections);
    for (const back of returns) {
      const by = slotOf(reader, code, back);
      const target = by === null ? targetOf(reader, code, back) : null;
      const slot = by ?? (target === null ? null : slotOfStub(reader, code, target));
      const name = slot === null ? undefined : slots.get(slot);
      if (name !== undefined) {
        out.set(back, name);
      } else if (target !== null) {
        targets.set(back, target);
      }
    }
    return null;
  });
  const names = targets.size === 0 ? null : functionsAt(path, [...targets.values()]);
  for (const [back, target] of targets) {
    const name = names?.get(target);
    if (name !== undefined) {
      out.set(back, name);
    }
  }
  return out;
}

function bytesAt(reader: Reader, code: readonly Section[], address: bigint, length: number): Buffer | null {
  const section = code.find(
    (one) => one.address <= address && address + BigInt(length) <= one.address + BigInt(one.size),
  );
  return section === undefined ? null : reader.at(section.offset + Number(address - section.address), length);
}

/** call *slot(%rip): ff 15 and the distance. */
function slotOf(reader: Reader, code: readonly Section[], back: bigint): bigint | null {
  const bytes = bytesAt(reader, code, back - BigInt(CALL_BY_SLOT_SIZE), CALL_BY_SLOT_SIZE);
  return bytes !== null && bytes[0] === 0xff && bytes[1] === 0x15 ? back + BigInt(bytes.readInt32LE(2)) : null;
}

/** call target: e8 and the distance. */
function targetOf(reader: Reader, code: readonly Section[], back: bigint): bigint | null {
  const bytes = bytesAt(reader, code, back - BigInt(CALL_SIZE), CALL_SIZE);
  return bytes !== null && bytes[0] === 0xe8 ? back + BigInt(bytes.readInt32LE(1)) : null;
}

/** A PLT entry begins with its jump by a slot: ff 25 and the distance. */
function slotOfStub(reader: Reader, code: readonly Section[], target: bigint): bigint | null {
  const stub = bytesAt(reader, code, target, STUB);
  const at = stub === null ? -1 : stub.indexOf(Buffer.from([0xff, 0x25]));
  return stub === null || at < 0 || at > 5 ? null : target + BigInt(at + 6) + BigInt(stub.readInt32LE(at + 2));
}

/** The names of imports by the address of their slot. */
function importSlots(reader: Reader, sections: readonly Section[]): Map<bigint, string> {
  const out = new Map<bigint, string>();
  for (const section of sections.filter(({ type }) => type === SHT_RELA)) {
    const symbols = sections[section.link];
    const strings = symbols && sections[symbols.link];
    if (!symbols || !strings || symbols.size === 0) {
      continue;
    }
    const table = reader.at(section.offset, section.size);
    const entries = reader.at(symbols.offset, symbols.size);
    const names = reader.at(strings.offset, strings.size);
    for (let at = 0; at + RELA_SIZE <= table.length; at += RELA_SIZE) {
      const index = table.readUInt32LE(at + 12);
      if (index !== 0 && (index + 1) * SYMBOL_SIZE <= entries.length) {
        out.set(table.readBigUInt64LE(at), text(names, entries.readUInt32LE(index * SYMBOL_SIZE)));
      }
    }
  }
  return out;
}
