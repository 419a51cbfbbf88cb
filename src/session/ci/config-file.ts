import { existsSync, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { type Loaders, lilconfig } from "lilconfig";
import { Config } from "../../model/config.js";
import { UserError } from "../../model/errors.js";
import { configError } from "./config-errors.js";

const NAME = "ffi-doctor";
/** In the order in which they are looked for; the scripts are executed. */
const FILES = ["json", "js", "mjs", "cjs", "ts", "mts"].map((ending) => `${NAME}.config.${ending}`);
const PACKAGE = "package.json";

const EXAMPLE = `{
  "lib": ["libexample.so"],
  "runs": [{ "name": "tests", "command": ["node", "test.js"], "instruments": ["gdb-capture"] }]
}`;

export interface LoadedConfig {
  config: Config;
  /** As it is shown to the user. */
  file: string;
  /** What its paths are seen from. */
  folder: string;
}

/**
 * The configuration that was named, or the one of a folder. Only the folder itself is searched, none above it: a configuration may be a
 * script, and a folder above may be anybody's. Throws UserError with the key and a hint.
 */
export async function loadConfig(named: string | null, folder: string): Promise<LoadedConfig> {
  const path = named === null ? find(folder) : check(resolve(folder, named), named);
  const file = named ?? basename(path);
  const shown = basename(path) === PACKAGE ? `${file}, key ${NAME}` : file;
  const value = await read(path, file);
  if (value === undefined || value === null) {
    throw missing(`${file} has no configuration`);
  }
  const result = Config.safeParse(value);
  if (!result.success) {
    throw configError(shown, result.error.issues, value);
  }
  return { config: result.data, file: shown, folder: dirname(path) };
}

function find(folder: string): string {
  const there = FILES.filter((name) => existsSync(join(folder, name)));
  const [first, second] = there;
  if (first !== undefined && second !== undefined) {
    throw new UserError(`there are two configurations here: ${first} and ${second}`, {
      hint: "remove one, or name one with --config",
    });
  }
  if (first !== undefined) {
    return join(folder, first);
  }
  if (existsSync(join(folder, PACKAGE))) {
    return join(folder, PACKAGE);
  }
  throw missing("there is no configuration here: neither ffi-doctor.config.{json,js,ts} nor package.json");
}

function check(path: string, named: string): string {
  const facts = statSync(path, { throwIfNoEntry: false });
  if (facts?.isFile() !== true) {
    throw new UserError(`the configuration ${named} is ${facts === undefined ? "not there" : "no file"}`, {
      hint: "--config names a .json, .js or .ts file; without it ffi-doctor.config.* is looked for here",
    });
  }
  if (loaders[extname(path)] === undefined) {
    throw new UserError(`the configuration ${named} is of no kind that can be read`, {
      hint: "it ends in .json, .js, .mjs, .cjs, .ts or .mts",
    });
  }
  return path;
}

const loaders: Loaders = {
  ".json": readJson,
  ...Object.fromEntries([".js", ".mjs", ".cjs", ".ts", ".mts"].map((ending) => [ending, runScript])),
};

async function read(path: string, file: string): Promise<unknown> {
  const loader = lilconfig(NAME, { loaders, packageProp: NAME, cache: false });
  try {
    return (await loader.load(path))?.config as unknown;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UserError(`${file} cannot be read: ${why}`, {
      hint:
        extname(path) === ".json"
          ? "it must be JSON, without comments"
          : "a script must export the configuration as its default",
      cause: error,
    });
  }
}

function readJson(_path: string, text: string): unknown {
  // Some editors begin a file with a byte order mark.
  return JSON.parse(text.replace(/^\uFEFF/, ""));
}

/** jiti reads modules of both kinds, and TypeScript, in any Node; it leaves nothing on the disk. */
async function runScript(path: string): Promise<unknown> {
  const { createJiti } = await import("jiti");
  const jiti = createJiti(import.meta.url, { fsCache: false, moduleCache: false });
  return await jiti.import(path, { default: true });
}

function missing(what: string): UserError {
  return new UserError(what, {
    hint: `write ${FILES[0]}, at least:`,
    details: EXAMPLE.split("\n"),
  });
}
