import { Command, Option } from "commander";
import { UserError } from "../../model/errors.js";
import type { Options, Twin } from "../../model/options.js";
import type { Severity } from "../../model/primitives.js";
import { type Checker, checkers, twins } from "../../model/vocabulary.js";
import { escapeText } from "../../render/escape.js";
import { collect, parseChecker, parseCount, parseFormat, parsePid, parseSeconds, parseSeverity } from "../arguments.js";
import { captureStatus } from "../exit-code.js";
import { reportOwnsStdout, writeReport } from "../streams.js";

const DEFAULT_TWIN: Twin = "stale-handle";
/** Of what `--dry-run` prints, in characters. */
const LONGEST_LINE = 100_000;

interface Flags {
  attach?: number;
  demo?: string | true;
  lib: string[];
  with: Checker[];
  out?: string;
  format: Options["formats"];
  failOn: Severity;
  timeout?: number;
  repeat: number;
  untilCrash: boolean;
  exitCode: "target" | "doctor";
  dryRun: boolean;
  color: boolean;
  quiet: boolean;
  verbose: boolean;
  showMemory: boolean;
}

/** `gdb-capture [options] [--] <command> [args...]`. */
export function gdbCaptureCommand(set: (status: number) => void): Command {
  return new Command("gdb-capture")
    .description("Run a command and capture the first-hand site of a fatal signal with gdb.")
    .usage("[options] [--] <command> [args...]")
    .argument("[command...]", "the command, put after -- so that its options stay its own")
    .addOption(new Option("--attach <pid>", "watch a process that runs already").argParser(parsePid))
    .option("--demo [twin]", `run the storage shim's own workload: ${twins.join(", ")}`)
    .addOption(
      new Option(
        "--lib <library>",
        "the native library in question: file name, soname, quoted glob on its path, or exe (repeatable)",
      )
        .argParser(collect)
        .default([], "whatever is not the system's"),
    )
    .addOption(
      new Option("--with <checker>", `turn a checker of the host's own on: ${checkers.join(", ")} (repeatable)`)
        .argParser(parseChecker)
        .default([], "none"),
    )
    .option("--out <dir>", "run directory (default: .ffi-doctor/<time>-gdb-capture)")
    .addOption(
      new Option("--format <format>", "terminal, json, or either with =<file> (repeatable)")
        .argParser(parseFormat)
        .default([], "terminal"),
    )
    .addOption(new Option("--fail-on <severity>", "status 1 from here on").argParser(parseSeverity).default("error"))
    .addOption(
      new Option("--timeout <seconds>", "end each run after this time, and look where it hangs").argParser(
        parseSeconds,
      ),
    )
    .addOption(new Option("--repeat <n>", "run it so many times").argParser(parseCount).default(1))
    .option("--until-crash", "run it again and again until it crashes; with --repeat at most so often", false)
    .addOption(
      new Option("--exit-code <whose>", "whose status to end with when nothing is found")
        .choices(["target", "doctor"])
        .default("target"),
    )
    .option("--dry-run", "show what would be started, and start nothing", false)
    .option("--no-color", "no colour, also on a terminal")
    .option("-q, --quiet", "no terminal report", false)
    .option("-v, --verbose", "all that was captured, and whose exit status it is", false)
    .option("--show-memory", "keep memory bytes and secret-looking arguments in report.json", false)
    .passThroughOptions()
    .addHelpText(
      "after",
      "\nExamples:\n  ffi-doctor gdb-capture -- node app.js\n  ffi-doctor gdb-capture --until-crash --timeout 600 -- ./server --port 8080\n  ffi-doctor gdb-capture --demo\n\nExit status: 1 findings, 2 usage, 3 could not be answered, else the target's own.",
    )
    .action(async (command: string[], flags: Flags) => set(await capture(command, flags)));
}

async function capture(command: string[], flags: Flags): Promise<number> {
  const options = optionsOf(command, flags);
  const { captureSession, planSession } = await import("../../session/capture.js");
  if (options.dryRun) {
    process.stdout.write(planText(planSession(options, process.env), reportOwnsStdout(options)));
    return 0;
  }
  const { report, runDir, unwritten } = await captureSession(options, {
    targetStdoutToStderr: reportOwnsStdout(options),
    environment: process.env,
    log: (line) => options.verbose && process.stderr.write(`ffi-doctor: ${line}\n`),
  });
  await writeReport(report, shortPath(runDir), options, process.stderr);
  if (unwritten !== null) {
    throw unwritten;
  }
  const { status, whose } = captureStatus(report, options);
  if (options.verbose) {
    process.stderr.write(`ffi-doctor: status ${status}: ${whose}\n`);
  }
  return status;
}

function optionsOf(command: string[], flags: Flags): Options {
  const sources = [command.length > 0, flags.attach !== undefined, flags.demo !== undefined].filter(Boolean).length;
  if (sources === 0) {
    throw new UserError("there is nothing to run", {
      hint: "put a command after --, as in: ffi-doctor gdb-capture -- node app.js; or try --demo, or --attach <pid>",
    });
  }
  if (sources > 1) {
    throw new UserError("a command, --attach and --demo exclude each other", { hint: "give one of them" });
  }
  return {
    verb: "gdb-capture",
    command,
    demo: flags.demo === undefined ? null : twinOf(flags.demo),
    attach: flags.attach ?? null,
    libs: flags.lib,
    with: flags.with,
    out: flags.out ?? null,
    formats: flags.format.length > 0 ? flags.format : [{ format: "terminal", file: null }],
    failOn: flags.failOn,
    timeout: flags.timeout ?? null,
    repeat: flags.repeat,
    untilCrash: flags.untilCrash,
    exitCode: flags.exitCode,
    dryRun: flags.dryRun,
    color: flags.color ? null : false,
    quiet: flags.quiet,
    verbose: flags.verbose,
    showMemory: flags.showMemory,
  };
}

function twinOf(asked: string | true): Twin {
  const twin = asked === true ? DEFAULT_TWIN : twins.find((candidate) => candidate === asked);
  if (twin === undefined) {
    throw new UserError(`there is no twin ${String(asked)}`, {
      hint: `--demo takes one of ${twins.join(", ")}; a command of your own goes after -- without --demo`,
    });
  }
  return twin;
}

type Planned = ReturnType<typeof import("../../session/capture.js").planSession>;

function planText({ plan, target }: Planned, json: boolean): string {
  if (json) {
    return `${JSON.stringify({ plan, target }, null, 2)}\n`;
  }
  const lines = plan.steps.flatMap((step) => [
    `step ${step.id}:`,
    `  tool    ${step.tool.join(" ")}`,
    `  target  ${step.target === null ? `process ${step.attach}` : step.target.join(" ")}`,
    ...step.interventions.map(({ what, why }) => `  changes ${what} (${why})`),
  ]);
  const host = target === null ? [] : [`host: ${target.host.runtime}, ${target.executable}`];
  const all = [...host, ...lines, ...plan.explanations];
  return `${all.map((line) => escapeText(line, LONGEST_LINE)).join("\n")}\n`;
}

/** As the user would type it. */
function shortPath(path: string): string {
  const here = `${process.cwd()}/`;
  return path.startsWith(here) ? path.slice(here.length) : path;
}
