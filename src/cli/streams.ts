import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { UserError } from "../model/errors.js";
import type { Options } from "../model/options.js";
import type { Report } from "../model/report.js";
import { escapeText } from "../render/escape.js";
import { EXIT } from "./exit-code.js";

const COLUMNS = 80;
const LONGEST_SENTENCE = 4000;

/** Tells what went wrong on standard error and returns the exit status: a sentence for a user's error, a stack trace for ours. */
export function complain(thrown: unknown): number {
  const error = noRoom(thrown) ?? thrown;
  if (error instanceof UserError) {
    process.stderr.write(`ffi-doctor: ${oneLine(error.message)}\n`);
    if (error.hint !== null) {
      process.stderr.write(`  ${oneLine(error.hint)}\n`);
    }
    for (const line of error.details) {
      process.stderr.write(`  ${oneLine(line)}\n`);
    }
    return error.exitCode;
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`ffi-doctor: this is a bug of ffi-doctor; please report it with these lines\n${trace}\n`);
  return EXIT.bug;
}

function oneLine(text: string): string {
  return escapeText(text, LONGEST_SENTENCE);
}

/** A full disk (ENOSPC), a used-up quota or a file size limit under a stream or the run directory is no bug of ours. */
function noRoom(error: unknown): UserError | null {
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException;
  return code !== undefined && ["ENOSPC", "EDQUOT", "EFBIG"].includes(code)
    ? new UserError(`cannot write ${path ?? "the output"}: ${code}`, {
        hint: "make room, or write somewhere else; --out names another run directory",
        cause: error,
      })
    : null;
}

export interface Output extends Pick<Options, "formats" | "color" | "quiet" | "verbose" | "showMemory" | "failOn"> {
  /** Secrets that are known beside those of this process' own environment. */
  secrets?: readonly string[];
}

/** True when the report alone is to stand on standard output. */
export function reportOwnsStdout(output: Output): boolean {
  return output.formats.some(({ format, file }) => file === null && format !== "terminal");
}

/**
 * Writes every format that was asked for: to its file, or to a stream. The terminal report goes to `terminalTo`; `-q` leaves it out.
 * Secrets are masked in all that is not for the eyes of who sits at a terminal, and memory in every file.
 * Throws UserError for a file that cannot be written, after all others were.
 */
export async function writeReport(
  report: Report,
  runDir: string | null,
  output: Output,
  terminalTo: NodeJS.WriteStream,
): Promise<void> {
  const { renderers } = await import("../render/index.js");
  const { redactReport, redactSecrets, secretsOfEnvironment } = await import("../render/redact.js");
  const redaction = {
    showMemory: output.showMemory,
    secrets: [...secretsOfEnvironment(process.env), ...(output.secrets ?? [])],
  };
  const common = { ...base(runDir, output), ...redaction };
  const failures: unknown[] = [];
  const inFiles = output.formats.filter(({ file }) => file !== null);
  for (const { format, file } of inFiles) {
    try {
      const render = await renderers[format]();
      const shared = format === "terminal" ? redactReport(report, redaction) : report;
      writeFile(file ?? "", render(shared, { ...common, width: COLUMNS, color: false }));
    } catch (error) {
      failures.push(error);
    }
  }
  const toStreams = output.formats.filter(({ file }) => file === null);
  const owned = reportOwnsStdout(output);
  for (const { format } of toStreams) {
    if (format !== "terminal") {
      const render = await renderers[format]();
      process.stdout.write(render(report, { ...common, width: COLUMNS, color: false }));
    }
  }
  const wanted = toStreams.some(({ format }) => format === "terminal") || !owned;
  if (wanted && !output.quiet) {
    const stream = owned ? process.stderr : terminalTo;
    const render = await renderers.terminal();
    // A pipe's end may be the log of a job.
    const shown = stream.isTTY === true ? report : redactSecrets(report, redaction);
    stream.write(render(shown, { ...common, ...terminalOf(stream, output.color) }));
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}

function base(runDir: string | null, output: Output) {
  const { verbose, failOn } = output;
  return { runDir, verbose, failOn, sourceRoot: process.cwd() };
}

/** Columns and colour of a stream: colour on a terminal only, unless FORCE_COLOR says so (https://no-color.org, force-color.org). */
export function terminalOf(stream: NodeJS.WriteStream, color: boolean | null): { width: number; color: boolean } {
  const environment = process.env;
  const asked = !["", "0", "false"].includes(environment["FORCE_COLOR"] ?? "");
  const refused = (environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb";
  return {
    width: stream.isTTY ? stream.columns : COLUMNS,
    color: color ?? (asked || (stream.isTTY === true && !refused)),
  };
}

/** Whole or not at all: written beside and moved into place. A device or a pipe is written to; moving would replace it. */
export function writeFile(file: string, text: string): void {
  try {
    const place = placeOf(file);
    if (place === null) {
      writeFileSync(file, text);
    } else {
      replaceFile(place, text);
    }
  } catch (error) {
    throw new UserError(`cannot write ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, {
      hint: "the report also lies in the run directory",
      cause: error,
    });
  }
}

/** The path behind links that can be replaced; null for what is there and is no plain file. */
function placeOf(file: string): string | null {
  const there = statSync(file, { throwIfNoEntry: false });
  if (there === undefined) {
    return file;
  }
  return there.isFile() ? realpathSync(file) : null;
}

function replaceFile(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text, { mode: 0o600, flag: "wx" });
    renameSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      rmSync(temporary, { force: true });
    }
    throw error;
  }
}
