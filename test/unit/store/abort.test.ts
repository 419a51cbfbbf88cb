import koffi from "koffi";
import { expect, it, vi } from "vitest";
import type { GetCallback, StoreFunctions } from "../../../src/store/abi.js";
import { getInBackground } from "../../../src/store/background-get.js";
import { loadLibrary } from "../../../src/store/library.js";
import { temporaryStores } from "./temporary-store.js";

const { open } = temporaryStores();

async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}

it("rejects at once when the signal was aborted before", async () => {
  const store = open();
  await expect(store.get("a", { signal: AbortSignal.abort(new Error("changed my mind")) })).rejects.toThrow(
    "changed my mind",
  );
  expect(store.getSync("a")).toBeNull();
});

it("rejects with the signal's reason while the read is under way, and stays usable", async () => {
  const store = open();
  store.putSync("a", "1");
  const controller = new AbortController();
  const read = store.get("a", { signal: controller.signal });
  controller.abort(new Error("too slow"));
  await expect(read).rejects.toThrow("too slow");
  expect((await store.get("a", { signal: new AbortController().signal }))?.toString()).toBe("1");
});

it("does not ask for what was given up while it waited for its turn", async () => {
  const store = open();
  const controller = new AbortController();
  const put = store.put("a", "1");
  const read = store.get("a", { signal: controller.signal });
  controller.abort();
  await expect(read).rejects.toMatchObject({ name: "AbortError" });
  await put;
  expect((await store.stats()).gets).toBe(0);
});

it("unregisters its callback in every case", async () => {
  const store = open();
  store.putSync("a", Buffer.alloc(100_000));
  const before = koffi.stats().callbacks;
  const reads = Array.from({ length: 300 }, (_, i) => {
    const controller = new AbortController();
    const read = store.get(i % 2 === 0 ? "a" : "none", { signal: controller.signal });
    if (i % 3 === 0) {
      setTimeout(() => controller.abort(), i % 7);
    }
    return read;
  });
  await Promise.allSettled(reads);
  await store.close();
  await expect(store.get("a")).rejects.toThrow();
  await settled();
  expect(koffi.stats().callbacks).toBe(before);
});

it("frees the bytes exactly once, wanted or not", async () => {
  const real = loadLibrary();
  for (const wanted of [true, false]) {
    const { functions, answer, freed } = fake(real);
    const before = koffi.stats().callbacks;
    const result = getInBackground(functions, 1, Buffer.from("a"), () => wanted);
    answer(0);
    expect((await result)?.toString()).toBe(wanted ? "late" : undefined);
    await settled();
    expect(freed).toHaveBeenCalledTimes(1);
    expect(koffi.stats().callbacks).toBe(before);
  }
});

it("unregisters the callback of a read that was never accepted", async () => {
  const functions = { ...loadLibrary() };
  const before = koffi.stats().callbacks;
  await expect(getInBackground(functions, 0, Buffer.from("a"), () => true)).rejects.toThrow(
    /get: the handle is not open/,
  );
  expect(koffi.stats().callbacks).toBe(before);
});

/** A library whose answer comes when the test says so. */
function fake(real: StoreFunctions) {
  const memory = Buffer.from("late");
  const freed = vi.fn();
  let callback = 0n;
  const functions: StoreFunctions = {
    ...real,
    getAsync: Object.assign(
      (_store: unknown, _key: unknown, _size: unknown, registered: bigint) => {
        callback = registered;
        return 0;
      },
      { async: () => {} },
    ),
    freeBytes: Object.assign(freed, { async: () => {} }),
  };
  const answer = (status: number) => {
    const bytes = { ptr: koffi.address(memory), len: memory.length };
    const call = koffi.decode(callback, "fds_get_callback") as GetCallback;
    call(null, status, bytes);
  };
  return { functions, answer, freed };
}
