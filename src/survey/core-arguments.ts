import { type CoreMemory, stringAt } from "./core-memory.js";

const AT_RANDOM = 25n;
/** The auxiliary vector lies a little below AT_RANDOM's bytes. */
const AUXV_WITHIN = 16 << 10;
const PAGE = 4096n;
const MAX_WORDS = 4096;

/**
 * The program's words from where the kernel put them: argc, argv, NULL, envp, NULL, auxiliary vector (psABI, process initialization).
 * Empty where they cannot be told.
 */
export function argumentsOf(memory: CoreMemory, auxv: ReadonlyMap<bigint, bigint>, body: Buffer | null): string[] {
  const random = auxv.get(AT_RANDOM);
  if (random === undefined || body === null || body.length < 32) {
    return [];
  }
  const below = readUpTo(memory, random);
  const found = below.bytes.indexOf(body.subarray(0, 32));
  if (found < 0) {
    return [];
  }
  const start = below.start + BigInt(found);
  const words = wordsBefore(memory, start);
  return words === null ? [] : words.map((pointer) => stringAt(memory, pointer) ?? "");
}

/** What the core has below an address, from the page on with which it begins there. */
function readUpTo(memory: CoreMemory, end: bigint): { start: bigint; bytes: Buffer } {
  for (let start = ((end - BigInt(AUXV_WITHIN)) / PAGE) * PAGE; start < end; start += PAGE) {
    const bytes = memory.read(start, Number(end - start));
    if (bytes.length > 0) {
      return { start, bytes };
    }
  }
  return { start: end, bytes: Buffer.alloc(0) };
}

function wordsBefore(memory: CoreMemory, auxv: bigint): bigint[] | null {
  let at = auxv - 8n;
  let nulls = 0;
  const words: bigint[] = [];
  for (let i = 0; i < MAX_WORDS * 4; i += 1, at -= 8n) {
    const bytes = memory.read(at, 8);
    if (bytes.length < 8) {
      return null;
    }
    const word = bytes.readBigUInt64LE(0);
    if (word === 0n) {
      nulls += 1;
    } else if (nulls === 2) {
      if (word === BigInt(words.length)) {
        return words.reverse();
      }
      words.push(word);
    }
    if (nulls > 2 || words.length > MAX_WORDS) {
      return null;
    }
  }
  return null;
}
