import { readFileSync } from "node:fs";
import { UserError } from "../model/errors.js";
import { Baseline, REPORT_SCHEMA_VERSION } from "../model/report.js";

export interface NamedBaseline {
  /** As the user named it. */
  file: string;
  baseline: Baseline;
}

/** An earlier report.json; `file` is what the user knows it by. Throws UserError when it is missing, or is none. */
export function readBaseline(file: string, path: string = file): NamedBaseline {
  const value = parse(file, read(file, path));
  const version = (value as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === "number" && version > REPORT_SCHEMA_VERSION) {
    throw new UserError(`the baseline ${file} was written by a newer ffi-doctor (format ${version})`, {
      hint: "update ffi-doctor",
    });
  }
  const result = Baseline.safeParse(value);
  if (!result.success) {
    throw notOne(file, `${result.error.issues[0]?.path.join(".") ?? ""}: ${result.error.issues[0]?.message ?? ""}`);
  }
  return { file, baseline: result.data };
}

function read(file: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(`the baseline ${file} ${code === "ENOENT" ? "is not there" : `cannot be read (${code})`}`, {
      hint: "it is the report.json of an earlier run; ffi-doctor ci --update-baseline writes one",
      cause: error,
    });
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw notOne(file, (error as Error).message);
  }
}

function notOne(file: string, why: string): UserError {
  return new UserError(`the baseline ${file} is no report.json of ffi-doctor: ${why}`, {
    hint: "name the report.json of an earlier run, or write it anew: ffi-doctor ci --update-baseline",
  });
}
