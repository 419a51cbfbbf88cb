/** Cores made byte by byte, for what no crash here leaves. */

const HEADER = 64;
const PROGRAM_HEADER = 56;
const PAGE = 4096;

export interface MadeSegment {
  address: bigint;
  flags: number;
  /** What the core holds of it; `size` may be more. */
  bytes: Buffer;
  size: number;
}

export interface MadeNote {
  type: number;
  body: Buffer;
}

/** An ELF core of x86-64 with these notes and this memory. */
export function madeCore(notes: readonly MadeNote[], memory: readonly MadeSegment[]): Buffer {
  const noted = Buffer.concat(notes.map(note));
  const start = HEADER + PROGRAM_HEADER * (memory.length + 1);
  const header = Buffer.alloc(HEADER);
  header.write("\x7fELF\x02\x01\x01", "latin1");
  header.writeUInt16LE(4, 16);
  header.writeUInt16LE(62, 18);
  header.writeBigUInt64LE(BigInt(HEADER), 32);
  header.writeUInt16LE(PROGRAM_HEADER, 54);
  header.writeUInt16LE(memory.length + 1, 56);
  let offset = start + noted.length;
  const table = [programHeader(4, 0, start, 0n, noted.length, 0)];
  for (const { address, flags, bytes, size } of memory) {
    table.push(programHeader(1, flags, offset, address, bytes.length, size));
    offset += bytes.length;
  }
  return Buffer.concat([header, ...table, noted, ...memory.map(({ bytes }) => bytes)]);
}

function programHeader(type: number, flags: number, offset: number, address: bigint, held: number, size: number) {
  const out = Buffer.alloc(PROGRAM_HEADER);
  out.writeUInt32LE(type, 0);
  out.writeUInt32LE(flags, 4);
  out.writeBigUInt64LE(BigInt(offset), 8);
  out.writeBigUInt64LE(address, 16);
  out.writeBigUInt64LE(BigInt(held), 32);
  out.writeBigUInt64LE(BigInt(size), 40);
  return out;
}

function note({ type, body }: MadeNote): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt32LE(5, 0);
  head.writeUInt32LE(body.length, 4);
  head.writeUInt32LE(type, 8);
  head.write("CORE\0", 12, "latin1");
  return Buffer.concat([head, body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
}

/** NT_PRSTATUS of one thread. */
export function status(tid: number, signal: number): MadeNote {
  const body = Buffer.alloc(336);
  body.writeInt16LE(signal, 12);
  body.writeInt32LE(tid, 32);
  return { type: 1, body };
}

/** NT_PRPSINFO. */
export function processInfo(pid: number, name: string, words: string): MadeNote {
  const body = Buffer.alloc(136);
  body.writeInt32LE(pid, 24);
  body.write(name, 40, 15, "utf8");
  body.write(words, 56, 79, "utf8");
  return { type: 3, body };
}

/** NT_SIGINFO. */
export function siginfo(signal: number, code: number, field: bigint): MadeNote {
  const body = Buffer.alloc(128);
  body.writeInt32LE(signal, 0);
  body.writeInt32LE(code, 8);
  body.writeBigUInt64LE(field, 16);
  return { type: 0x53494749, body };
}

/** NT_AUXV. */
export function auxv(entries: readonly (readonly [number, bigint])[]): MadeNote {
  const body = Buffer.alloc(16 * (entries.length + 1));
  entries.forEach(([tag, value], i) => {
    body.writeBigUInt64LE(BigInt(tag), 16 * i);
    body.writeBigUInt64LE(value, 16 * i + 8);
  });
  return { type: 6, body };
}

/** NT_FILE: start, end and page offset of each. */
export function files(rows: readonly { start: bigint; end: bigint; page: number; path: string }[]): MadeNote {
  const body = Buffer.alloc(16 + rows.length * 24);
  body.writeBigUInt64LE(BigInt(rows.length), 0);
  body.writeBigUInt64LE(BigInt(PAGE), 8);
  rows.forEach(({ start, end, page }, i) => {
    body.writeBigUInt64LE(start, 16 + i * 24);
    body.writeBigUInt64LE(end, 24 + i * 24);
    body.writeBigUInt64LE(BigInt(page), 32 + i * 24);
  });
  return { type: 0x46494c45, body: Buffer.concat([body, Buffer.from(rows.map(({ path }) => `${path}\0`).join(""))]) };
}

/** A main thread's stack as the kernel lays it out, with these words and variables: argc, argv, envp, auxiliary vector, strings. */
export function startStack(
  base: bigint,
  vector: Buffer,
  words: readonly string[],
  variables: readonly string[],
): Buffer {
  const strings = Buffer.from([...words, ...variables].map((text) => `${text}\0`).join(""));
  const fixed = 8 * (1 + words.length + 1 + variables.length + 1) + vector.length + 16;
  const pointers: bigint[] = [];
  let at = base + BigInt(fixed);
  for (const text of [...words, ...variables]) {
    pointers.push(at);
    at += BigInt(Buffer.byteLength(text) + 1);
  }
  const table = [BigInt(words.length), ...pointers.slice(0, words.length), 0n, ...pointers.slice(words.length), 0n];
  const head = Buffer.alloc(table.length * 8);
  table.forEach((word, i) => {
    head.writeBigUInt64LE(word, i * 8);
  });
  return Buffer.concat([head, vector, Buffer.alloc(16, 0x52), strings, Buffer.alloc(64)]);
}
