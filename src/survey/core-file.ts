import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { argumentsOf } from "./core-arguments.js";
import { type CoreMemory, cString, stringAt } from "./core-memory.js";
import { machineOf } from "./elf.js";

/** A core file as the kernel's binfmt_elf or a debugger writes it (core(5), elf(5)): notes in full, memory on request. */
export interface CoreFile {
  machine: string;
  bits: 32 | 64;
  /** Bytes that the program headers promise, and that the file has: fewer when it was cut short. */
  promised: number;
  size: number;
  pid: number | null;
  /** The first 15 characters of the program's name, as the kernel keeps it. */
  name: string | null;
  /** Its words where they could still be read from its stack, else what the kernel kept of them, in one piece of at most 79 characters. */
  command: string[];
  /** How it was started: the path that execve was given. */
  execPath: string | null;
  /** Thread ids in the order of the file: the one that died first. */
  threads: number[];
  signal: CoreSignal | null;
  maps: CoreMap[];
  /** The mapping that the program's own headers lie in: the executable. */
  program: CoreMap | null;
  memory: CoreMemory;
}

/** What NT_SIGINFO says, or NT_PRSTATUS alone where there is none. */
export interface CoreSignal {
  number: number;
  /** si_code; null where the core has no siginfo. */
  code: number | null;
  /** si_addr, only for a signal that the kernel raised. */
  address: bigint | null;
  /** si_pid, only for one that was sent. */
  sender: number | null;
}

export interface CoreMap {
  start: bigint;
  end: bigint;
  perms: string;
  /** Into the file. */
  offset: bigint;
  /** Null for anonymous memory. */
  path: string | null;
}

/** Why a file is no core that can be looked at. */
export type NotACore =
  | { problem: "unreadable"; detail: string }
  | { problem: "empty" }
  | { problem: "compressed"; by: "zstd" | "lz4" | "xz" | "gzip" }
  | { problem: "minidump" | "apport" | "not-elf" | "no-notes" | "notes-cut" | "headers-cut" }
  | { problem: "not-a-core"; type: string };

const EM_FIRST = 64;
const ET_CORE = 4;
const TYPES = ["of no type", "a relocatable object", "a program", "a program or a library"];
const PT_LOAD = 1;
const PT_NOTE = 4;
const PN_XNUM = 0xffff;
const MAX_HEADERS = 1 << 20;
const MAX_NOTES = 256 << 20;
const MAX_READ = 1 << 20;

const NT_PRSTATUS = 1;
const NT_PRPSINFO = 3;
const NT_AUXV = 6;
const NT_SIGINFO = 0x53494749;
const NT_FILE = 0x46494c45;

const AT_PHDR = 3n;
const AT_EXECFN = 31n;
const AT_SYSINFO_EHDR = 33n;

const FORMATS: readonly (readonly [string, NotACore])[] = [
  ["28b52ffd", { problem: "compressed", by: "zstd" }],
  ["04224d18", { problem: "compressed", by: "lz4" }],
  ["fd377a585a00", { problem: "compressed", by: "xz" }],
  ["1f8b", { problem: "compressed", by: "gzip" }],
  [Buffer.from("MDMP").toString("hex"), { problem: "minidump" }],
  [Buffer.from("ProblemType:").toString("hex"), { problem: "apport" }],
];

interface Segment {
  type: number;
  flags: number;
  offset: bigint;
  address: bigint;
  fileSize: bigint;
  size: bigint;
}

/** Reads a core's notes; the file stays open for as long as `look` runs. Never throws for what is in it. */
export function withCore<T>(path: string, look: (core: CoreFile | NotACore) => T): T {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    return look({ problem: "unreadable", detail: (error as NodeJS.ErrnoException).code ?? String(error) });
  }
  try {
    return look(parse(fd));
  } finally {
    closeSync(fd);
  }
}

export function isCore(found: CoreFile | NotACore): found is CoreFile {
  return !("problem" in found);
}

function parse(fd: number): CoreFile | NotACore {
  const size = fstatSync(fd).size;
  const at = (offset: number, length: number): Buffer => bytesAt(fd, offset, length);
  if (size === 0) {
    return { problem: "empty" };
  }
  const ident = at(0, EM_FIRST);
  const known = FORMATS.find(([magic]) => ident.toString("hex").startsWith(magic));
  if (known !== undefined) {
    return known[1];
  }
  if (ident.length < 20 || ident.readUInt32BE(0) !== 0x7f454c46) {
    return { problem: "not-elf" };
  }
  const bits = ident[4] === 2 ? 64 : 32;
  const little = ident[5] === 1;
  const type = little ? ident.readUInt16LE(16) : ident.readUInt16BE(16);
  const machine = machineOf(little ? ident.readUInt16LE(18) : ident.readUInt16BE(18));
  if (type !== ET_CORE) {
    return { problem: "not-a-core", type: TYPES[type] ?? "of another type" };
  }
  if (bits !== 64 || !little) {
    return bare(machine, bits, size);
  }
  if (ident.length < EM_FIRST) {
    return { problem: "headers-cut" };
  }
  const segments = readSegments(ident, at);
  if (segments === null) {
    return { problem: "headers-cut" };
  }
  const noted = segments.filter((segment) => segment.type === PT_NOTE);
  if (noted.some(({ offset, fileSize }) => offset + fileSize > BigInt(size))) {
    return { problem: "notes-cut" };
  }
  const notes = noted.flatMap((segment) => readNotes(segment, at));
  return notes.length === 0 ? { problem: "no-notes" } : described(machine, size, segments, notes, at);
}

/** Of a 32-bit or big-endian core only what its first bytes say. */
function bare(machine: string, bits: 32 | 64, size: number): CoreFile {
  const nothing = { pid: null, name: null, command: [], execPath: null, threads: [], signal: null };
  const memory = { read: () => Buffer.alloc(0) };
  return { machine, bits, promised: size, size, ...nothing, maps: [], program: null, memory };
}

function readSegments(head: Buffer, at: At): Segment[] | null {
  const start = Number(head.readBigUInt64LE(32));
  const sections = Number(head.readBigUInt64LE(40));
  const each = head.readUInt16LE(54);
  let count = head.readUInt16LE(56);
  if (count === PN_XNUM) {
    const first = at(sections, 64);
    count = first.length < 64 ? 0 : first.readUInt32LE(44);
  }
  if (each < 56 || count === 0 || count > MAX_HEADERS) {
    return null;
  }
  const table = at(start, each * count);
  if (table.length < each * count) {
    return null;
  }
  return Array.from({ length: count }, (_, i) => ({
    type: table.readUInt32LE(i * each),
    flags: table.readUInt32LE(i * each + 4),
    offset: table.readBigUInt64LE(i * each + 8),
    address: table.readBigUInt64LE(i * each + 16),
    fileSize: table.readBigUInt64LE(i * each + 32),
    size: table.readBigUInt64LE(i * each + 40),
  }));
}

type At = (offset: number, length: number) => Buffer;

interface Note {
  type: number;
  body: Buffer;
}

/** The notes of a segment; those that are cut are left out. */
function readNotes(segment: Segment, at: At): Note[] {
  if (segment.fileSize > BigInt(MAX_NOTES)) {
    return [];
  }
  const bytes = at(Number(segment.offset), Number(segment.fileSize));
  const notes: Note[] = [];
  for (let i = 0; i + 12 <= bytes.length; ) {
    const size = bytes.readUInt32LE(i + 4);
    const start = i + 12 + Math.ceil(bytes.readUInt32LE(i) / 4) * 4;
    if (start + size > bytes.length) {
      break;
    }
    notes.push({ type: bytes.readUInt32LE(i + 8), body: bytes.subarray(start, start + size) });
    i = start + Math.ceil(size / 4) * 4;
  }
  return notes;
}

function described(
  machine: string,
  size: number,
  segments: readonly Segment[],
  notes: readonly Note[],
  at: At,
): CoreFile {
  const of = (type: number): Buffer | null => notes.find((note) => note.type === type)?.body ?? null;
  const memory = memoryOf(segments, at);
  const auxv = readAuxv(of(NT_AUXV));
  const info = of(NT_PRPSINFO);
  const threads = notes.filter(({ type, body }) => type === NT_PRSTATUS && body.length >= 36);
  const maps = mapsOf(segments, readFiles(of(NT_FILE)), auxv);
  const headers = auxv.get(AT_PHDR);
  const kept = info !== null && info.length >= 136 ? cString(info, 56, 80).trim() : "";
  const words = argumentsOf(memory, auxv, of(NT_AUXV));
  return {
    machine,
    bits: 64,
    promised: segments.reduce((most, { offset, fileSize }) => Math.max(most, Number(offset + fileSize)), 0),
    size,
    pid: info !== null && info.length >= 28 ? info.readInt32LE(24) : (threads[0]?.body.readInt32LE(32) ?? null),
    name: info !== null && info.length >= 56 ? cString(info, 40, 16) : null,
    command: words.length > 0 ? words : kept === "" ? [] : [kept],
    execPath: stringAt(memory, auxv.get(AT_EXECFN)),
    threads: threads.map(({ body }) => body.readInt32LE(32)),
    signal: signalOf(of(NT_SIGINFO), threads[0]?.body ?? null),
    maps,
    program: headers === undefined ? null : (maps.find((map) => map.start <= headers && headers < map.end) ?? null),
    memory,
  };
}

function memoryOf(segments: readonly Segment[], at: At): CoreMemory {
  const loads = segments.filter(({ type, fileSize }) => type === PT_LOAD && fileSize > 0n);
  return {
    read(address, length) {
      const load = loads.find((candidate) => candidate.address <= address && address < end(candidate));
      if (load === undefined || length <= 0) {
        return Buffer.alloc(0);
      }
      const most = Number(end(load) - address);
      return at(Number(load.offset + address - load.address), Math.min(length, most, MAX_READ));
    },
  };
}

function end(load: Segment): bigint {
  return load.address + load.fileSize;
}

function readAuxv(body: Buffer | null): Map<bigint, bigint> {
  const out = new Map<bigint, bigint>();
  for (let i = 0; body !== null && i + 16 <= body.length; i += 16) {
    out.set(body.readBigUInt64LE(i), body.readBigUInt64LE(i + 8));
  }
  return out;
}

/** elf_siginfo and siginfo_t of x86-64 and aarch64: signal, errno, code; then a union at 16. */
function signalOf(info: Buffer | null, status: Buffer | null): CoreSignal | null {
  if (info !== null && info.length >= 24) {
    const number = info.readInt32LE(0);
    const code = info.readInt32LE(8);
    return number === 0
      ? null
      : {
          number,
          code,
          address: code > 0 ? info.readBigUInt64LE(16) : null,
          sender: code <= 0 ? info.readInt32LE(16) : null,
        };
  }
  const number = status?.readInt16LE(12) ?? 0;
  return number === 0 ? null : { number, code: null, address: null, sender: null };
}

/** NT_FILE: count, page size, then start, end and page offset of each, then their names (binfmt_elf.c, fill_files_note). */
function readFiles(body: Buffer | null): CoreMap[] {
  if (body === null || body.length < 16) {
    return [];
  }
  const count = Number(body.readBigUInt64LE(0));
  const page = body.readBigUInt64LE(8);
  const names = body
    .subarray(16 + count * 24)
    .toString("utf8")
    .split("\0");
  const rows: CoreMap[] = [];
  for (let i = 0; i < count && 16 + (i + 1) * 24 <= body.length; i += 1) {
    const at = 16 + i * 24;
    rows.push({
      start: body.readBigUInt64LE(at),
      end: body.readBigUInt64LE(at + 8),
      perms: "",
      offset: body.readBigUInt64LE(at + 16) * page,
      path: names[i] ?? null,
    });
  }
  return rows;
}

/** The memory map: what was mapped and how from the segments, which file from NT_FILE. */
function mapsOf(segments: readonly Segment[], files: readonly CoreMap[], auxv: ReadonlyMap<bigint, bigint>): CoreMap[] {
  const maps = segments
    .filter(({ type, size }) => type === PT_LOAD && size > 0n)
    .map(({ flags, address, size }): CoreMap => {
      const file = files.find((row) => row.start <= address && address < row.end);
      const perms = `${flags & 4 ? "r" : "-"}${flags & 2 ? "w" : "-"}${flags & 1 ? "x" : "-"}p`;
      return {
        start: address,
        end: address + size,
        perms,
        offset: file === undefined ? 0n : file.offset + address - file.start,
        path: file?.path ?? specialName(address, address + size, auxv),
      };
    })
    .sort((a, b) => (a.start < b.start ? -1 : 1));
  // A debugger's core leaves out what its files have, code above all; NT_FILE still tells of it.
  const missing = files.filter((row) => !maps.some((map) => map.start < row.end && row.start < map.end));
  return [...maps, ...missing.map((row) => ({ ...row, perms: "r-xp" }))].sort((a, b) => (a.start < b.start ? -1 : 1));
}

function specialName(start: bigint, end: bigint, auxv: ReadonlyMap<bigint, bigint>): string | null {
  const holds = (tag: bigint): boolean => {
    const address = auxv.get(tag);
    return address !== undefined && start <= address && address < end;
  };
  return holds(AT_SYSINFO_EHDR) ? "[vdso]" : holds(AT_EXECFN) ? "[stack]" : null;
}

/** What the file has of a range. */
function bytesAt(fd: number, offset: number, length: number): Buffer {
  if (!Number.isSafeInteger(offset) || offset < 0 || length <= 0 || length > MAX_NOTES) {
    return Buffer.alloc(0);
  }
  const out = Buffer.alloc(length);
  try {
    return out.subarray(0, readSync(fd, out, 0, length, offset));
  } catch {
    return Buffer.alloc(0);
  }
}
