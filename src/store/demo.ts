import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { UserError } from "../model/errors.js";
import { Twin } from "../model/options.js";
import { type Handle, LAYOUT, type StoreFunctions } from "./abi.js";
import { compactInventory, evictSessions, exportReport, type NightlyJob, verifyReplica } from "./demo-jobs.js";
import { checkNow, loadLibrary } from "./library.js";
import { Store } from "./store.js";

// The workload of `gdb-capture --demo [twin]`, a process of its own: node dist/store/demo.js [twin]. It is written as an application
// that binds the library by hand, without the guards of the SDK.

const KIB = 1024;
const MIB = 1024 * KIB;

type FaultyTwin = Exclude<Twin, "healthy">;

const JOBS: Record<FaultyTwin, (job: NightlyJob) => void | Promise<void>> = {
  "thread-local-runtime": (job) => compactOnOwnThread(job),
  "stale-handle": (job) => compactAfterClose(job),
  "bytes-use-after-free": (job) => verifyReplica(job),
  "double-free": (job) => evictSessions(job),
  "panic-across-boundary": (job) => exportReport(job, Buffer.from([0xff, 0xfe, 0xfd])),
  "stack-overflow": (job) => exportReport(job, Buffer.alloc(MIB, "a/")),
};

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The directory is gone again as soon as the store is open, so that a crash leaves nothing behind. */
function withDirectory<T>(use: (dir: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), "ffi-doctor-demo-"));
  try {
    return use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function openInventory(functions: StoreFunctions): Handle {
  return withDirectory((dir) => {
    const store: [Handle] = [0];
    const options = { struct_size: LAYOUT.options, flags: 3, cache_bytes: MIB };
    checkNow(functions, "open", functions.open(join(dir, "inventory.db"), options, store));
    return store[0];
  });
}

/** What the application does all day, by the SDK. */
function dayShift(variant: Twin): void {
  const store = withDirectory((dir) => Store.openSync(join(dir, "orders.db"), { variant, sync: false }));
  for (let i = 0; i < 50; i++) {
    store.putSync(`order/${i}`, JSON.stringify({ order: i }));
  }
  let open = 0;
  for (const _order of store.scanSync("order/")) {
    open++;
  }
  store.closeSync();
  if (open !== 50) {
    throw new Error(`the day shift lost ${50 - open} orders`);
  }
}

function compactAfterClose(job: NightlyJob): void {
  checkNow(job.functions, "close", job.functions.close(job.store));
  compactInventory(job);
}

async function compactOnOwnThread(job: NightlyJob): Promise<void> {
  const worker = new Worker(new URL("./demo-worker.js", import.meta.url), {
    workerData: { variant: job.variant, store: job.store },
    name: "compaction",
  });
  await new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", () => resolve());
  });
}

async function nightShift(variant: Twin, twin: FaultyTwin): Promise<void> {
  const functions = loadLibrary({ variant });
  const job: NightlyJob = { functions, variant, store: openInventory(functions) };
  say(`demo: ${twin}: the nightly job`);
  await JOBS[twin](job);
  if (twin !== "stale-handle") {
    checkNow(functions, "close", functions.close(job.store));
  }
}

async function main(): Promise<void> {
  const asked = Twin.safeParse(process.argv[2] ?? "stale-handle");
  if (!asked.success) {
    throw new UserError(`unknown twin ${String(process.argv[2])}`, { hint: `one of ${Twin.options.join(", ")}` });
  }
  const variant = asked.data;
  const twins = Twin.options.filter(
    (twin): twin is FaultyTwin => twin !== "healthy" && (variant === "healthy" || twin === variant),
  );
  say(`demo: the ${variant} build of the store`);
  dayShift(variant);
  for (const twin of twins) {
    await nightShift(variant, twin);
  }
  say("demo: done");
}

main().catch((error: unknown) => {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UserError ? error.exitCode : 70;
});
