import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../model/errors.js";
import { FileFacts } from "../model/evidence.js";
import { RUN_DIRECTORY_VERSION, RunManifest } from "../model/manifest.js";
import type { RunDirectory } from "./run-directory.js";

/** manifest.json of a run. Throws UserError when it is missing, damaged, or of a newer version. */
export function readManifest(directory: RunDirectory): RunManifest {
  const value = readJson(directory, "manifest.json");
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version === "number" && version > RUN_DIRECTORY_VERSION) {
    throw new UserError(`${directory.path} was written by a newer ffi-doctor (format ${version})`, {
      hint: "update ffi-doctor",
    });
  }
  return check(directory, RunManifest, value, "manifest.json");
}

/** What the run noted about the files its processes mapped; empty for a step that ended before that. Throws UserError. */
export function readFiles(directory: RunDirectory, step: string): FileFacts[] {
  const name = `raw/${step}/files.json`;
  return directory.read(name) === null ? [] : check(directory, z.array(FileFacts), readJson(directory, name), name);
}

function readJson(directory: RunDirectory, name: string): unknown {
  const text = directory.read(name);
  if (text === null) {
    throw new UserError(`${directory.path} is no run directory: it has no ${name}`, {
      hint: "name the directory that a run wrote",
    });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${join(directory.path, name)} is damaged: ${(error as Error).message}`, {
      hint: "the raw recordings under raw/ are still there; run the command again for a new report",
      cause: error,
    });
  }
}

function check<T>(directory: RunDirectory, schema: z.ZodType<T>, value: unknown, name: string): T {
  const result = schema.safeParse(value);
  if (!result.success) {
    const first = result.error.issues[0];
    throw new UserError(
      `${join(directory.path, name)} is damaged: ${first?.path.join(".") ?? ""} ${first?.message ?? ""}`,
      { hint: "it was edited, or written by another version; run the command again" },
    );
  }
  return result.data;
}
