import { copyMemory, type Handle, type RawBytes, type StoreFunctions } from "./abi.js";
import { checkNow } from "./library.js";

/** What a nightly job of the demo works on. */
export interface NightlyJob {
  functions: StoreFunctions;
  variant: string;
  store: Handle;
}

const SEGMENT = Buffer.from("segment/1");
const SESSION = Buffer.from("session/1");
const MIB = 1 << 20;

function write(job: NightlyJob, key: Buffer, value: Buffer): void {
  const { functions, store } = job;
  checkNow(functions, "put", functions.put(store, key, key.length, value, value.length));
}

function readBack(job: NightlyJob, key: Buffer): Partial<RawBytes> {
  const { functions, store } = job;
  const block: Partial<RawBytes> = {};
  functions.get(store, key, key.length, block);
  return block;
}

function flushSegment(job: NightlyJob): boolean {
  const block = readBack(job, SEGMENT);
  return typeof block.ptr === "bigint";
}

function compactLevel(job: NightlyJob): boolean {
  return flushSegment(job);
}

/** Reads every segment again. A store that refuses the handle has nothing to compact. */
export function compactInventory(job: NightlyJob): void {
  compactLevel(job);
}

function checksumBlock(block: RawBytes): number {
  if (block.ptr === null) {
    return 0;
  }
  return copyMemory(block.ptr, Number(block.len)).reduce((sum, byte) => Math.imul(sum ^ byte, 16777619), 2166136261);
}

function verifySegment(job: NightlyJob): number {
  const { functions, store } = job;
  const block: RawBytes = { ptr: null, len: 0 };
  checkNow(functions, "get", functions.get(store, SEGMENT, SEGMENT.length, block));
  write(job, SEGMENT, Buffer.alloc(MIB, "c"));
  const sum = checksumBlock(block);
  functions.freeBytes(block);
  return sum;
}

/** Reads a value, overwrites it, and only then looks at what it read. */
export function verifyReplica(job: NightlyJob): void {
  write(job, SEGMENT, Buffer.alloc(MIB, "b"));
  verifySegment(job);
}

function releaseSession(job: NightlyJob, block: RawBytes): void {
  job.functions.freeBytes(block);
}

function evictSession(job: NightlyJob): void {
  const { functions, store } = job;
  const block: RawBytes = { ptr: null, len: 0 };
  checkNow(functions, "get", functions.get(store, SESSION, SESSION.length, block));
  releaseSession(job, block);
}

/** Reads a session and gives its bytes back, once. */
export function evictSessions(job: NightlyJob): void {
  write(job, SESSION, Buffer.alloc(64, "s"));
  evictSession(job);
}

function listPrefix(job: NightlyJob, prefix: Buffer): number {
  const { functions, store } = job;
  const scan: [Handle] = [0];
  const status = functions.scanOpen(store, prefix, prefix.length, scan);
  if (status === 0) {
    functions.scanClose(scan[0]);
  }
  return status;
}

function exportSection(job: NightlyJob, prefix: Buffer): number {
  return listPrefix(job, prefix);
}

/** A report over a prefix that the store refuses is an empty report. */
export function exportReport(job: NightlyJob, prefix: Buffer): void {
  exportSection(job, prefix);
}
