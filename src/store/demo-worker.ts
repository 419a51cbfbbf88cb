import { workerData } from "node:worker_threads";
import type { Handle } from "./abi.js";
import { compactInventory } from "./demo-jobs.js";
import { loadLibrary } from "./library.js";

// The nightly compaction on a thread of its own, with the handle that another thread opened.
const { variant, store } = workerData as { variant: string; store: Handle };
compactInventory({ functions: loadLibrary({ variant }), variant, store });
