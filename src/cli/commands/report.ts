import { Command, Option } from "commander";
import type { Options } from "../../model/options.js";
import type { Severity } from "../../model/primitives.js";
import { formats } from "../../model/vocabulary.js";
import { collect, parseFormat, parseSeverity } from "../arguments.js";
import { reportStatus } from "../exit-code.js";
import { writeReport } from "../streams.js";

interface Flags {
  lib: string[];
  format: Options["formats"];
  failOn: Severity;
  baseline?: string;
  color: boolean;
  quiet: boolean;
  verbose: boolean;
  showMemory: boolean;
}

/** `report <run-dir>...`: from the recordings, so that a newer ffi-doctor says more of an old run. */
export function reportCommand(set: (status: number) => void): Command {
  return new Command("report")
    .description("Show the report of an earlier run again, or of several as one.")
    .argument("<run-dir...>", "what a run left, such as .ffi-doctor/20260101-120000-gdb-capture")
    .addOption(
      new Option("--lib <library>", "the native library in question (repeatable)")
        .argParser(collect)
        .default([], "as the run had it"),
    )
    .addOption(
      new Option("--format <format>", `${formats.join(", ")}; each also with =<file> (repeatable)`)
        .argParser(parseFormat)
        .default([], "terminal"),
    )
    .addOption(new Option("--fail-on <severity>", "status 1 from here on").argParser(parseSeverity).default("error"))
    .option("--baseline <report.json>", "an earlier report: only what is not in it ends with status 1")
    .option("--no-color", "no colour, also on a terminal")
    .option("-q, --quiet", "no terminal report", false)
    .option("-v, --verbose", "registers, memory, maps and all threads too", false)
    .option("--show-memory", "keep memory bytes and what looks secret in reports", false)
    .action(async (runDirs: string[], flags: Flags) => {
      const { reportSession } = await import("../../session/report.js");
      const { report } = reportSession(runDirs, { libs: flags.lib, baseline: flags.baseline ?? null });
      const output = {
        formats: flags.format.length > 0 ? flags.format : [{ format: "terminal" as const, file: null }],
        color: flags.color ? null : false,
        quiet: flags.quiet,
        verbose: flags.verbose,
        showMemory: flags.showMemory,
        failOn: flags.failOn,
      };
      await writeReport(report, runDirs.length === 1 ? (runDirs[0] ?? null) : null, output, process.stdout);
      set(reportStatus(report, flags.failOn).status);
    });
}
