import type { Store } from "./store.js";

export interface BenchOptions {
  /** Records per round. */
  count: number;
  valueSize: number;
  rounds?: number;
}

export interface BenchResult {
  operation: string;
  /** Median over the rounds. */
  operationsPerSecond: number;
}

const DEFAULT_ROUNDS = 5;
const PREFIX = "ffi-doctor-bench/";

/** Measures the store through this SDK, native calls and copies included. Leaves no record behind. */
export async function benchStore(store: Store, options: BenchOptions): Promise<BenchResult[]> {
  const { count, valueSize, rounds = DEFAULT_ROUNDS } = options;
  const keys = Array.from({ length: count }, (_, i) => `${PREFIX}${i.toString().padStart(9, "0")}`);
  const value = Buffer.alloc(valueSize, "v");
  const workloads: { operation: string; run: () => void | Promise<void> }[] = [
    { operation: "put", run: () => putAll(store, keys, value) },
    { operation: "get", run: () => getAll(store, keys) },
    { operation: "get, by promise", run: () => getByPromise(store, keys) },
    { operation: "scan", run: () => drain(store.scanSync(PREFIX)) },
    { operation: "scan, by promise", run: () => drainAsync(store.scan(PREFIX)) },
  ];
  const results: BenchResult[] = [];
  try {
    for (const { operation, run } of workloads) {
      const rates: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const start = process.hrtime.bigint();
        await run();
        rates.push(count / (Number(process.hrtime.bigint() - start) / 1e9));
      }
      results.push({ operation, operationsPerSecond: median(rates) });
    }
  } finally {
    for (const key of keys) {
      store.deleteSync(key);
    }
  }
  return results;
}

function putAll(store: Store, keys: readonly string[], value: Buffer): void {
  for (const key of keys) {
    store.putSync(key, value);
  }
}

function getAll(store: Store, keys: readonly string[]): void {
  for (const key of keys) {
    store.getSync(key);
  }
}

async function getByPromise(store: Store, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await store.get(key);
  }
}

function drain(entries: Iterable<unknown>): void {
  for (const _entry of entries) {
    // Only the walk is measured.
  }
}

async function drainAsync(entries: AsyncIterable<unknown>): Promise<void> {
  for await (const _entry of entries) {
    // Only the walk is measured.
  }
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
