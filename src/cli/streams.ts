import { renameSync, writeFileSync } from "node:fs";
import { UserError } from "../model/errors.js";
import type { Options } from "../model/options.js";
import type { Report } from "../model/report.js";
import { renderers } from "../render/index.js";
import { EXIT } from "./exit-code.js";

const COLUMNS = 80;

/** Tells what went wrong on standard error and returns the exit status: a sentence for a user's error, a stack trace for ours. */
export function complain(error: unknown): number {
  if (error instanceof UserError) {
    process.stderr.write(`ffi-doctor: ${oneLine(error.message)}\n`);
    if (error.hint !== null) {
      process.stderr.write(`  ${oneLine(error.hint)}\n`);
    }
    return error.exitCode;
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`ffi-doctor: this is a bug of ffi-doctor; please report it with these lines\n${trace}\n`);
  return EXIT.bug;
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${(char.codePointAt(0) ?? 0).toString(16).padStart(2, "0")}`);
}

export type Output = Pick<Options, "formats" | "color" | "quiet" | "verbose" | "showMemory">;

/** True when the report alone is to stand on standard output. */
export function reportOwnsStdout(output: Output): boolean {
  return output.formats.some(({ format, file }) => file === null && format !== "terminal");
}

/**
 * Writes every format that was asked for: to its file, or to a stream. The terminal report goes to `terminalTo`; `-q` leaves it out.
 * Throws UserError for a file that cannot be written, after all others were.
 */
export function writeReport(
  report: Report,
  runDir: string | null,
  output: Output,
  terminalTo: NodeJS.WriteStream,
): void {
  const failures: unknown[] = [];
  const inFiles = output.formats.filter(({ file }) => file !== null);
  for (const { format, file } of inFiles) {
    try {
      writeFile(file ?? "", renderers[format](report, { ...base(runDir, output), width: COLUMNS, color: false }));
    } catch (error) {
      failures.push(error);
    }
  }
  const toStreams = output.formats.filter(({ file }) => file === null);
  const owned = reportOwnsStdout(output);
  for (const { format } of toStreams) {
    if (format !== "terminal") {
      process.stdout.write(renderers[format](report, { ...base(runDir, output), width: COLUMNS, color: false }));
    }
  }
  const wanted = toStreams.some(({ format }) => format === "terminal") || !owned;
  if (wanted && !output.quiet) {
    const stream = owned ? process.stderr : terminalTo;
    stream.write(renderers.terminal(report, { ...base(runDir, output), ...terminalOf(stream, output.color) }));
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}

function base(runDir: string | null, output: Output): { runDir: string | null; verbose: boolean; showMemory: boolean } {
  return { runDir, verbose: output.verbose, showMemory: output.showMemory };
}

/** Columns and colour of a stream: colour on a terminal only, unless FORCE_COLOR says so (https://no-color.org, force-color.org). */
export function terminalOf(stream: NodeJS.WriteStream, color: boolean | null): { width: number; color: boolean } {
  const environment = process.env;
  const asked = environment["FORCE_COLOR"] !== undefined && environment["FORCE_COLOR"] !== "0";
  const refused = (environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb";
  return {
    width: stream.isTTY ? stream.columns : COLUMNS,
    color: color ?? (asked || (stream.isTTY === true && !refused)),
  };
}

function writeFile(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text, { mode: 0o600, flag: "wx" });
    renameSync(temporary, file);
  } catch (error) {
    throw new UserError(`cannot write ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, {
      hint: "the report also lies in the run directory",
      cause: error,
    });
  }
}
