import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { Store } from "../../../src/store/store.js";
import type { StoreOptions } from "../../../src/store/types.js";

/** Files and stores that are gone again after each test. */
export function temporaryStores() {
  const directories: string[] = [];
  const stores: Store[] = [];

  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    for (const directory of directories.splice(0)) {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  function path(): string {
    const directory = mkdtempSync(join(tmpdir(), "ffi-doctor-store-test-"));
    directories.push(directory);
    return join(directory, "test.db");
  }

  function open(file: string = path(), options: StoreOptions = {}): Store {
    const store = Store.openSync(file, { sync: false, ...options });
    stores.push(store);
    return store;
  }

  return { path, open };
}
