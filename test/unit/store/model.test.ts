import fc from "fast-check";
import { expect, it } from "vitest";
import { temporaryStores } from "./temporary-store.js";

const { open } = temporaryStores();

const key = fc.oneof(fc.constantFrom("a", "a/", "a/b", "b", "é"), fc.string({ minLength: 1, maxLength: 6 }));
const value = fc.uint8Array({ maxLength: 64 });
const command = fc.oneof(
  fc.record({ kind: fc.constant("put" as const), key, value }),
  fc.record({ kind: fc.constant("get" as const), key }),
  fc.record({ kind: fc.constant("delete" as const), key }),
  fc.record({ kind: fc.constant("scan" as const), key }),
);

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

it("put, get, delete and scan agree with a Map, called either way", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(command, fc.boolean()), { maxLength: 40 }), async (commands) => {
      const store = open();
      const model = new Map<string, string>();
      for (const [step, now] of commands) {
        const at = hex(Buffer.from(step.key));
        if (step.kind === "put") {
          model.set(at, hex(step.value));
          now ? store.putSync(step.key, step.value) : await store.put(step.key, step.value);
        } else if (step.kind === "get") {
          const found = now ? store.getSync(step.key) : await store.get(step.key);
          expect(found === null ? undefined : hex(found)).toBe(model.get(at));
        } else if (step.kind === "delete") {
          expect(now ? store.deleteSync(step.key) : await store.delete(step.key)).toBe(model.delete(at));
        } else {
          const found = now ? [...store.scanSync(step.key)] : await collect(store.scan(step.key));
          const expected = [...model].filter(([name]) => name.startsWith(at)).sort();
          expect(found.map((entry) => [hex(entry.key), hex(entry.value)])).toEqual(expected);
        }
      }
      await store.close();
    }),
    { numRuns: 60 },
  );
});
