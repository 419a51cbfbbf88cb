import { expect, it } from "vitest";
import { InvalidArgumentError, StoreClosedError } from "../../../src/store/errors.js";
import type { Store } from "../../../src/store/store.js";
import { temporaryStores } from "./temporary-store.js";

const { open } = temporaryStores();

function filled(): Store {
  const store = open();
  for (const key of ["a/1", "a/2", "a/3", "b/1"]) {
    store.putSync(key, `value of ${key}`);
  }
  return store;
}

it("gives the records of a prefix in order, either way", async () => {
  const store = filled();
  const expected = ["a/1", "a/2", "a/3"];
  const later: string[] = [];
  for await (const { key, value } of store.scan("a/")) {
    expect(value.toString()).toBe(`value of ${key.toString()}`);
    later.push(key.toString());
  }
  expect(later).toEqual(expected);
  expect([...store.scanSync("a/")].map(({ key }) => key.toString())).toEqual(expected);
  expect([...store.scanSync()]).toHaveLength(4);
  expect([...store.scanSync("none")]).toEqual([]);
  expect(store.statsSync().scansOpen).toBe(0);
});

it("closes the native iterator on break, return and throw", async () => {
  const store = filled();
  for (const _entry of store.scanSync()) {
    expect(store.statsSync().scansOpen).toBe(1);
    break;
  }
  for await (const _entry of store.scan()) {
    expect((await store.stats()).scansOpen).toBe(1);
    break;
  }
  const byHand = store.scan();
  await byHand.next();
  await byHand.return();
  expect(() => {
    for (const _entry of store.scanSync()) {
      throw new Error("in the loop");
    }
  }).toThrow("in the loop");
  expect(store.statsSync().scansOpen).toBe(0);
});

it("opens nothing before the first step", () => {
  const store = filled();
  store.scanSync();
  store.scan();
  expect(store.statsSync().scansOpen).toBe(0);
});

it("ends with an error, not a crash, when the store is closed under it", async () => {
  const store = filled();
  const now = store.scanSync();
  const later = store.scan();
  now.next();
  await later.next();
  await store.close();
  expect(() => now.next()).toThrow(StoreClosedError);
  await expect(later.next()).rejects.toThrow(StoreClosedError);
});

it("lets several scans run side by side with writes", async () => {
  const store = filled();
  const [first, second] = [store.scan("a/"), store.scan("a/")];
  const seen: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const steps = await Promise.all([first.next(), store.put(`c/${i}`, "x"), second.next()]);
    seen.push(String(steps[0].value?.key), String(steps[2].value?.key));
  }
  expect(seen).toEqual(["a/1", "a/1", "a/2", "a/2", "a/3", "a/3"]);
  await Promise.all([first.return(), second.return()]);
  expect((await store.stats()).scansOpen).toBe(0);
});

it("refuses a prefix that is not UTF-8", async () => {
  const store = filled();
  expect(() => [...store.scanSync(Uint8Array.of(0xff, 0xfe))]).toThrow(InvalidArgumentError);
  await expect(store.scan(Uint8Array.of(0xff, 0xfe)).next()).rejects.toThrow(InvalidArgumentError);
});
