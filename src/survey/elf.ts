import { closeSync, openSync, readSync } from "node:fs";

/** The few facts of an ELF file (gABI 4.1; x86-64 psABI) that ffi-doctor asks for. Little-endian 64-bit files in full, others by machine only. */
export interface ElfFacts {
  machine: string;
  bits: 32 | 64;
  type: "executable" | "shared" | "core" | "other";
  interpreter: string | null;
  soname: string | null;
  needed: string[];
  /** DT_RUNPATH, else DT_RPATH, as it is written: with $ORIGIN. */
  runpath: string[];
  buildId: string | null;
  debugInfo: boolean;
  /** The runtime whose extension this is, by the names that it exports. */
  glue: "jni" | "napi" | "python" | null;
  sections: ReadonlySet<string>;
}

const MACHINES: Record<number, string> = {
  3: "x86",
  8: "mips",
  40: "arm",
  62: "x86-64",
  183: "aarch64",
  243: "riscv",
  21: "ppc64",
  22: "s390",
};
/** What an ELF file was built for, by its e_machine. */
export function machineOf(number: number): string {
  return MACHINES[number] ?? "unknown";
}

const TYPES = ["other", "other", "executable", "shared", "core"] as const;
const SHT_SYMTAB = 2;
const SHT_DYNAMIC = 6;
const SHT_NOTE = 7;
const SHT_DYNSYM = 11;
const DT_NEEDED = 1n;
const DT_SONAME = 14n;
const DT_RPATH = 15n;
const DT_RUNPATH = 29n;
const SHF_COMPRESSED = 0x800;
const ELFCOMPRESS_ZSTD = 2;
const DW_UT_SKELETON = 4;
const NT_GNU_BUILD_ID = 3;
const MAX_TABLE = 16 << 20;

export interface Section {
  /** Where it lies in memory, before it is moved. */
  address: bigint;
  name: string;
  type: number;
  offset: number;
  size: number;
  link: number;
  flags: number;
}

export class Reader {
  private readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Throws RangeError on a range that the file does not have, or that is longer than `most`. */
  at(offset: number, length: number, most: number = MAX_TABLE): Buffer {
    if (length < 0 || length > most || !Number.isSafeInteger(offset)) {
      throw new RangeError("table too large");
    }
    const out = Buffer.alloc(length);
    if (readSync(this.fd, out, 0, length, offset) !== length) {
      throw new RangeError("file is cut short");
    }
    return out;
  }
}

/** Null for a file that is no ELF, cannot be read, or is damaged. */
export function readElf(path: string): ElfFacts | null {
  return withReader(path, parse);
}

export function withReader<T>(path: string, read: (reader: Reader) => T | null): T | null {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return null;
  }
  try {
    return read(new Reader(fd));
  } catch (error) {
    if (error instanceof RangeError || (error as NodeJS.ErrnoException).code !== undefined) {
      return null;
    }
    throw error;
  } finally {
    closeSync(fd);
  }
}

function parse(reader: Reader): ElfFacts | null {
  const ident = reader.at(0, 20);
  if (ident.readUInt32BE(0) !== 0x7f454c46) {
    return null;
  }
  const bits = ident[4] === 2 ? 64 : 32;
  const facts: ElfFacts = {
    machine: machineOf(ident.readUInt16LE(18)),
    bits,
    type: TYPES[ident.readUInt16LE(16)] ?? "other",
    interpreter: null,
    soname: null,
    needed: [],
    runpath: [],
    buildId: null,
    debugInfo: false,
    glue: null,
    sections: new Set(),
  };
  if (bits !== 64 || ident[5] !== 1) {
    return facts;
  }
  const sections = readSections(reader);
  const named = new Set(sections.map((section) => section.name));
  const interp = sections.find((section) => section.name === ".interp");
  return {
    ...facts,
    sections: named,
    debugInfo: named.has(".debug_info") || named.has(".zdebug_info"),
    interpreter: interp ? text(reader.at(interp.offset, interp.size), 0) : null,
    buildId: readBuildId(reader, sections),
    glue: readGlue(reader, sections),
    ...readDynamic(reader, sections),
  };
}

/** Symbol table entries (gABI 4.1): name, info, other, section; section 0 is one that is asked for. */
const SYMBOL_SIZE = 24;

/** Names of dynamic symbols that match, of those that a file asks others for and those that it gives; null for a file that is no ELF. */
export function dynamicSymbols(path: string, pattern: RegExp): { asked: string[]; given: string[] } | null {
  return withReader(path, (reader) => {
    const out: { asked: string[]; given: string[] } = { asked: [], given: [] };
    const sections = readSections(reader);
    const symbols = sections.find((section) => section.type === SHT_DYNSYM);
    const strings = symbols && sections[symbols.link];
    if (!symbols || !strings) {
      return out;
    }
    const table = reader.at(symbols.offset, symbols.size);
    const names = reader.at(strings.offset, strings.size);
    for (let at = 0; at + SYMBOL_SIZE <= table.length; at += SYMBOL_SIZE) {
      const name = text(names, table.readUInt32LE(at));
      if (pattern.test(name)) {
        (table.readUInt16LE(at + 6) === 0 ? out.asked : out.given).push(name);
      }
    }
    return out;
  });
}

/** Whether a file that was not stripped holds one of these functions itself, whether or not it hands it out to others. */
export function defines(path: string, functions: readonly string[]): boolean {
  const found = withReader(path, (reader) => {
    const sections = readSections(reader);
    const symbols = sections.find((section) => section.type === SHT_SYMTAB);
    const strings = symbols && sections[symbols.link];
    if (!symbols || !strings) {
      return false;
    }
    const names = reader.at(strings.offset, strings.size);
    const places = new Set(functions.map((name) => names.indexOf(`\0${name}\0`) + 1).filter((at) => at > 0));
    if (places.size === 0) {
      return false;
    }
    const table = reader.at(symbols.offset, symbols.size);
    for (let at = 0; at + SYMBOL_SIZE <= table.length; at += SYMBOL_SIZE) {
      if (places.has(table.readUInt32LE(at)) && table.readUInt16LE(at + 6) !== 0) {
        return true;
      }
    }
    return false;
  });
  return found === true;
}

/** Go's build information: a magic, flags, and inline the version as a varint length and its bytes (debug/buildinfo, Go 1.18 and newer). */
const GO_MAGIC = Buffer.from("\xff Go buildinf:", "latin1");
const GO_INLINE = 2;
const GO_STRINGS_AT = 32;

/** "1.22.3" of a Go program; null for others, and for programs of before Go 1.18. */
export function goVersion(path: string): string | null {
  return withReader(path, (reader) => {
    const section = readSections(reader).find(({ name }) => name === ".go.buildinfo");
    if (section === undefined) {
      return null;
    }
    const bytes = reader.at(section.offset, Math.min(section.size, 256));
    if (!bytes.subarray(0, GO_MAGIC.length).equals(GO_MAGIC) || ((bytes[15] ?? 0) & GO_INLINE) === 0) {
      return null;
    }
    const length = bytes[GO_STRINGS_AT] ?? 0;
    const version = bytes.toString("utf8", GO_STRINGS_AT + 1, GO_STRINGS_AT + 1 + length);
    return /^go(\d+(?:\.\d+)+)/.exec(version)?.[1] ?? null;
  });
}

/** Layouts of debug information that older tools cannot read. */
export type DebugLayout = "zstd" | "split-dwarf-5";

/** Whether a file's debug information is compressed by zstd, or only points to another file in the way of DWARF 5; null for neither. */
export function debugLayout(path: string): DebugLayout | null {
  return withReader(path, (reader) => {
    const head = reader.at(0, 20);
    if (head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2 || head[5] !== 1) {
      return null;
    }
    const sections = readSections(reader).filter(({ name }) => name.startsWith(".debug_"));
    const compressed = sections.filter(({ flags, size }) => (flags & SHF_COMPRESSED) !== 0 && size >= 4);
    if (compressed.some(({ offset }) => reader.at(offset, 4).readUInt32LE(0) === ELFCOMPRESS_ZSTD)) {
      return "zstd";
    }
    const info = sections.find(
      ({ name, flags, size }) => name === ".debug_info" && (flags & SHF_COMPRESSED) === 0 && size >= 16,
    );
    return info !== undefined && isSkeleton(reader.at(info.offset, 16)) ? "split-dwarf-5" : null;
  });
}

/** The head of the first unit: its length in 4 or 12 bytes, the version, and in DWARF 5 the type of the unit (section 7.5.1). */
function isSkeleton(unit: Buffer): boolean {
  const at = unit.readUInt32LE(0) === 0xffffffff ? 12 : 4;
  return unit.readUInt16LE(at) === 5 && unit[at + 2] === DW_UT_SKELETON;
}

export function readSections(reader: Reader): Section[] {
  const header = reader.at(0, 64);
  const offset = Number(header.readBigUInt64LE(40));
  const entry = header.readUInt16LE(58);
  const count = header.readUInt16LE(60);
  if (offset === 0 || count === 0 || entry < 64) {
    return [];
  }
  const table = reader.at(offset, entry * count);
  const raw = Array.from({ length: count }, (_, i) => {
    const at = i * entry;
    return {
      nameAt: table.readUInt32LE(at),
      type: table.readUInt32LE(at + 4),
      flags: Number(table.readBigUInt64LE(at + 8)),
      address: table.readBigUInt64LE(at + 16),
      offset: Number(table.readBigUInt64LE(at + 24)),
      size: Number(table.readBigUInt64LE(at + 32)),
      link: table.readUInt32LE(at + 40),
    };
  });
  const names = raw[header.readUInt16LE(62)];
  const strings = names ? reader.at(names.offset, names.size) : Buffer.alloc(0);
  return raw.map(({ nameAt, ...section }) => ({ name: text(strings, nameAt), ...section }));
}

function readDynamic(reader: Reader, sections: Section[]): Pick<ElfFacts, "soname" | "needed" | "runpath"> {
  const dynamic = sections.find((section) => section.type === SHT_DYNAMIC);
  const strings = dynamic && sections[dynamic.link];
  const out: Pick<ElfFacts, "soname" | "needed" | "runpath"> = { soname: null, needed: [], runpath: [] };
  if (!dynamic || !strings) {
    return out;
  }
  const table = reader.at(dynamic.offset, dynamic.size);
  const names = reader.at(strings.offset, strings.size);
  for (let at = 0; at + 16 <= table.length; at += 16) {
    const tag = table.readBigInt64LE(at);
    const value = Number(table.readBigUInt64LE(at + 8));
    if (tag === DT_SONAME) {
      out.soname = text(names, value);
    } else if (tag === DT_NEEDED) {
      out.needed.push(text(names, value));
    } else if (tag === DT_RUNPATH || (tag === DT_RPATH && out.runpath.length === 0)) {
      out.runpath = text(names, value).split(":").filter(Boolean);
    }
  }
  return out;
}

/** What a runtime looks up by name in its extensions (JNI specification, Node-API, Python's C API). */
const GLUE = [
  ["jni", /\0(Java_\w|JNI_OnLoad\0)/],
  ["napi", /\0(napi_register_module_v\d|node_register_module_v\d)/],
  ["python", /\0PyInit_\w/],
] as const;

function readGlue(reader: Reader, sections: Section[]): ElfFacts["glue"] {
  const symbols = sections.find((section) => section.type === SHT_DYNSYM);
  const strings = symbols && sections[symbols.link];
  if (!strings || strings.size > MAX_TABLE) {
    return null;
  }
  const names = reader.at(strings.offset, strings.size).toString("latin1");
  return GLUE.find(([, pattern]) => pattern.test(names))?.[0] ?? null;
}

function readBuildId(reader: Reader, sections: Section[]): string | null {
  for (const section of sections.filter((s) => s.type === SHT_NOTE && s.size < 65536)) {
    const notes = reader.at(section.offset, section.size);
    for (let at = 0; at + 12 <= notes.length; ) {
      const nameSize = notes.readUInt32LE(at);
      const size = notes.readUInt32LE(at + 4);
      const body = at + 12 + Math.ceil(nameSize / 4) * 4;
      if (notes.readUInt32LE(at + 8) === NT_GNU_BUILD_ID && text(notes, at + 12) === "GNU") {
        return notes.subarray(body, body + size).toString("hex");
      }
      at = body + Math.ceil(size / 4) * 4;
    }
  }
  return null;
}

export function text(bytes: Buffer, at: number): string {
  const end = bytes.indexOf(0, at);
  return bytes.toString("utf8", at, end < 0 ? bytes.length : end);
}
