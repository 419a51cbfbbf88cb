import { describe, expect, it } from "vitest";
import { InvalidArgumentError, StorageError, StoreBusyError, StoreClosedError } from "../../../src/store/errors.js";
import { Store } from "../../../src/store/store.js";
import { temporaryStores } from "./temporary-store.js";

const { path, open } = temporaryStores();

describe("records", () => {
  it("come back as they were put, and null when they were not", () => {
    const store = open();
    store.putSync("a", Buffer.from([0, 255, 1]));
    store.putSync("empty", "");
    expect(store.getSync("a")).toEqual(Buffer.from([0, 255, 1]));
    expect(store.getSync("empty")).toEqual(Buffer.alloc(0));
    expect(store.getSync("b")).toBeNull();
    expect([store.deleteSync("a"), store.deleteSync("a")]).toEqual([true, false]);
    expect(store.getSync("a")).toBeNull();
  });

  it("are the same by promise", async () => {
    const store = await Store.open(path(), { sync: false });
    await store.put("a", "1");
    expect(await store.get("a")).toEqual(Buffer.from("1"));
    expect(await store.get("b")).toBeNull();
    expect(await store.delete("a")).toBe(true);
    expect(await store.delete("a")).toBe(false);
    await store.close();
  });

  it("survive closing and reopening", () => {
    const file = path();
    const first = open(file);
    first.putSync("a", "kept");
    first.closeSync();
    expect(open(file).getSync("a")?.toString()).toBe("kept");
  });

  it("survive a size beyond koffi's own buffers", async () => {
    const store = open();
    const value = Buffer.alloc(5 << 20, "large ");
    await store.put("a", value);
    expect((await store.get("a"))?.equals(value)).toBe(true);
    expect(store.getSync("a")?.equals(value)).toBe(true);
  });

  it("are copied: the caller may change its buffers, and a result changes nothing in the store", async () => {
    const store = open();
    const [key, value] = [Buffer.from("key"), Buffer.from("value")];
    const put = store.put(key, value);
    key.fill("x");
    value.fill("x");
    await put;
    const found = store.getSync("key");
    expect(found?.toString()).toBe("value");
    found?.fill(0);
    expect(store.getSync("key")?.toString()).toBe("value");
  });
});

describe("order", () => {
  it("of promise calls is the order in which they were made", async () => {
    const store = open();
    const answers = await Promise.all([
      store.put("a", "1"),
      store.get("a"),
      store.put("a", "2"),
      store.get("a"),
      store.delete("a"),
      store.get("a"),
    ]);
    expect(answers.map((answer) => (Buffer.isBuffer(answer) ? answer.toString() : answer))).toEqual([
      undefined,
      "1",
      undefined,
      "2",
      true,
      null,
    ]);
  });

  it("holds for more calls than koffi's pool takes, over several stores", async () => {
    const stores = Array.from({ length: 5 }, () => open());
    await Promise.all(
      stores.flatMap((store, s) => Array.from({ length: 200 }, (_, i) => store.put(`key/${i}`, `${s}.${i}`))),
    );
    const values = await Promise.all(
      stores.flatMap((store) => Array.from({ length: 200 }, (_, i) => store.get(`key/${i}`))),
    );
    expect(values.map(String)).toEqual(
      stores.flatMap((_store, s) => Array.from({ length: 200 }, (_, i) => `${s}.${i}`)),
    );
  });

  it("refuses a synchronous call that would wait for a callback which waits for it", async () => {
    const store = open();
    store.putSync("a", "1");
    const pending = store.get("a");
    expect(() => store.getSync("a")).toThrow(StoreBusyError);
    expect(() => store.closeSync()).toThrow(StoreBusyError);
    expect((await pending)?.toString()).toBe("1");
    expect(store.getSync("a")?.toString()).toBe("1");
  });
});

describe("closing", () => {
  it("refuses later calls with an error of its own, and a second close does nothing", async () => {
    const store = open();
    store.closeSync();
    store.closeSync();
    await store.close();
    expect(() => store.getSync("a")).toThrow(StoreClosedError);
    expect(() => store.putSync("a", "1")).toThrow(StoreClosedError);
    expect(() => store.deleteSync("a")).toThrow(StoreClosedError);
    expect(() => store.statsSync()).toThrow(StoreClosedError);
    expect(() => [...store.scanSync()]).toThrow(StoreClosedError);
    await expect(store.get("a")).rejects.toThrow(StoreClosedError);
    await expect(store.put("a", "1")).rejects.toThrow(StoreClosedError);
    await expect(store.delete("a")).rejects.toThrow(StoreClosedError);
    await expect(store.stats()).rejects.toThrow(StoreClosedError);
    await expect(store.scan().next()).rejects.toThrow(StoreClosedError);
  });

  it("waits for the calls before it", async () => {
    const file = path();
    const store = open(file);
    const puts = Array.from({ length: 20 }, (_, i) => store.put(`key/${i}`, "x"));
    const closed = store.close();
    await expect(store.put("late", "x")).rejects.toThrow(StoreClosedError);
    await Promise.all([...puts, closed]);
    expect([...open(file).scanSync("key/")]).toHaveLength(20);
  });

  it("is what disposing does", async () => {
    const [first, second] = [open(), open()];
    first[Symbol.dispose]();
    await second[Symbol.asyncDispose]();
    expect(() => first.getSync("a")).toThrow(StoreClosedError);
    expect(() => second.getSync("a")).toThrow(StoreClosedError);
  });
});

describe("failures", () => {
  it("carry the library's words when they happen on this thread", () => {
    expect(() => Store.openSync("/nonexistent/x.db")).toThrow(StorageError);
    expect(() => Store.openSync("/nonexistent/x.db")).toThrow(/open: storage: .+/);
  });

  it("carry the status's words when they happen in the pool", async () => {
    await expect(Store.open("/nonexistent/x.db")).rejects.toThrow(StorageError);
    await expect(Store.open("/nonexistent/x.db")).rejects.toMatchObject({
      status: -4,
      operation: "open",
      message: "open: the storage failed",
    });
  });

  it("refuse a path with a zero byte, of which the library would see half", () => {
    expect(() => Store.openSync("/tmp/a\0b")).toThrow(InvalidArgumentError);
  });

  it("do not make a missing file when asked not to", () => {
    expect(() => Store.openSync(path(), { create: false })).toThrow(StorageError);
  });
});

it("stats count what was done", async () => {
  const store = open();
  store.putSync("a", "1");
  await store.get("a");
  store.deleteSync("a");
  const stats = await store.stats();
  expect(stats).toMatchObject({ gets: 1, puts: 1, deletes: 1, scansOpen: 0 });
  expect(stats.workerThreadId).toBeGreaterThan(0);
  expect(store.statsSync()).toEqual(stats);
});
