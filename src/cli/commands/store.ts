import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { UserError } from "../../model/errors.js";
import { benchStore } from "../../store/bench.js";
import { StoreError } from "../../store/errors.js";
import { Store } from "../../store/store.js";
import type { Entry, StoreOptions } from "../../store/types.js";

const NOT_FOUND_STATUS = 1;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** `ffi-doctor store`: the storage shim by itself. */
export function storeCommand(): Command {
  const command = new Command("store").description("use the storage shim by itself");
  command
    .command("put")
    .description("write a value; the value - is read from standard input")
    .argument("<db>", "the store's file, made when missing")
    .argument("<key>")
    .argument("<value>")
    .action(put);
  command
    .command("get")
    .description("print a value's bytes; exit status 1 when there is none")
    .argument("<db>", "the store's file")
    .argument("<key>")
    .action(get);
  command
    .command("scan")
    .description("print keys and values, one record a line, escaped")
    .argument("<db>", "the store's file")
    .argument("[prefix]", "only keys that begin so", "")
    .option("--json", "one JSON object a line; records that are no UTF-8 in base64")
    .action(scan);
  command
    .command("bench")
    .description("measure operations per second, medians")
    .argument("[db]", "the store's file; a temporary one by default")
    .option("--count <n>", "records per round", parseCount, 1000)
    .option("--value-size <bytes>", "bytes per value", parseCount, 100)
    .action(bench);
  return command;
}

async function put(db: string, key: string, value: string): Promise<void> {
  const bytes = value === "-" ? await readStdin() : Buffer.from(value);
  await withStore(db, { create: true }, (store) => store.putSync(key, bytes));
}

async function get(db: string, key: string): Promise<void> {
  const value = await withStore(db, { create: false }, (store) => store.getSync(key));
  if (value === null) {
    process.stderr.write(`there is no key ${escapeBytes(Buffer.from(key))} in ${escapeBytes(Buffer.from(db))}\n`);
    process.exitCode = NOT_FOUND_STATUS;
    return;
  }
  await write(process.stdout.isTTY ? `${escapeBytes(value)}\n` : value);
}

async function scan(db: string, prefix: string, options: { json?: boolean }): Promise<void> {
  const line = options.json === true ? jsonLine : textLine;
  await withStore(db, { create: false }, async (store) => {
    for (const entry of store.scanSync(prefix)) {
      if (!(await write(line(entry)))) {
        return;
      }
    }
  });
}

async function bench(db: string | undefined, options: { count: number; valueSize: number }): Promise<void> {
  const own = db === undefined ? mkdtempSync(join(tmpdir(), "ffi-doctor-bench-")) : null;
  try {
    const file = db ?? join(own ?? "", "bench.db");
    const results = await withStore(file, { create: true, sync: false }, (store) => benchStore(store, options));
    for (const { operation, operationsPerSecond } of results) {
      await write(`${operation.padEnd(18)}${Math.round(operationsPerSecond).toString().padStart(10)} ops/s\n`);
    }
  } finally {
    if (own !== null) {
      rmSync(own, { recursive: true, force: true });
    }
  }
}

/** Refusals of the store are the user's to mend: a file that is no store, a prefix that is no prefix. */
async function withStore<T>(db: string, options: StoreOptions, use: (store: Store) => T | Promise<T>): Promise<T> {
  try {
    const store = Store.openSync(db, options);
    try {
      return await use(store);
    } finally {
      store.closeSync();
    }
  } catch (error) {
    if (error instanceof StoreError) {
      throw new UserError(`${db}: ${error.message}`, { hint: "check the path and the key", cause: error });
    }
    throw error;
  }
}

async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** Settles when the reader has room again; false when it went away, as `| head` does. */
function write(data: string | Uint8Array): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => (error.code === "EPIPE" ? resolve(false) : reject(error));
    process.stdout.once("error", onError);
    process.stdout.write(data, (error) => {
      if (error === null || error === undefined) {
        process.stdout.off("error", onError);
        resolve(true);
      }
    });
  });
}

function textLine({ key, value }: Entry): string {
  return `${escapeBytes(key)}\t${escapeBytes(value)}\n`;
}

function jsonLine({ key, value }: Entry): string {
  const [k, v] = [decode(key), decode(value)];
  const record =
    k === null || v === null
      ? { key: key.toString("base64"), value: value.toString("base64"), encoding: "base64" }
      : { key: k, value: v, encoding: "utf8" };
  return `${JSON.stringify(record).replace(CONTROL, jsonEscape)}\n`;
}

function decode(bytes: Buffer): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

// Beyond C0: DEL and C1, which terminals obey too, and the marks that reorder a line.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function jsonEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Text that a terminal shows and does not obey; a backslash is doubled, so that it reads back without doubt. */
function escapeBytes(bytes: Buffer): string {
  const text = decode(bytes);
  if (text === null) {
    return bytes
      .toString("latin1")
      .replace(/[^ -[\]-~]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
  }
  return text.replaceAll("\\", "\\\\").replace(CONTROL, (character) => ESCAPES.get(character) ?? jsonEscape(character));
}

const ESCAPES = new Map([
  ["\t", "\\t"],
  ["\n", "\\n"],
  ["\r", "\\r"],
]);

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < 1) {
    throw new InvalidArgumentError("It must be a whole number above 0.");
  }
  return count;
}
