import { type Command, Option } from "commander";
import type { Options } from "../model/options.js";
import type { Severity } from "../model/primitives.js";
import type { Checker } from "../model/vocabulary.js";
import { checkers, formats } from "../model/vocabulary.js";
import { escapeText } from "../render/escape.js";
import { collect, parseChecker, parseCount, parseFormat, parseSeconds, parseSeverity } from "./arguments.js";
import { captureStatus } from "./exit-code.js";
import { reportOwnsStdout, writeReport } from "./streams.js";

/** Of what `--dry-run` prints, in characters. */
const LONGEST_LINE = 100_000;

/** The options that every verb has which observes something and reports. */
export interface ObservingFlags {
  lib: string[];
  with: Checker[];
  out?: string;
  format: Options["formats"];
  failOn: Severity;
  timeout?: number;
  baseline?: string;
  repeat: number;
  exitCode: "target" | "doctor";
  dryRun: boolean;
  color: boolean;
  quiet: boolean;
  verbose: boolean;
  showMemory: boolean;
}

/** Adds them, and what every help text of such a verb ends with. */
export function observing(command: Command): Command {
  return command
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
    .option("--out <dir>", `run directory (default: .ffi-doctor/<time>-${command.name()})`)
    .addOption(
      new Option("--format <format>", `${formats.join(", ")}; each also with =<file> (repeatable)`)
        .argParser(parseFormat)
        .default([], "terminal"),
    )
    .addOption(new Option("--fail-on <severity>", "status 1 from here on").argParser(parseSeverity).default("error"))
    .option("--baseline <report.json>", "an earlier report: only what is not in it ends with status 1")
    .addOption(
      new Option("--timeout <seconds>", "end each run after this time, and look where it hangs").argParser(
        parseSeconds,
      ),
    )
    .addOption(new Option("--repeat <n>", "run it so many times").argParser(parseCount).default(1))
    .addOption(
      new Option("--exit-code <whose>", "whose status to end with when nothing is found")
        .choices(["target", "doctor"])
        .default("target"),
    )
    .option("--dry-run", "show what would be started, and start nothing", false)
    .option("--no-color", "no colour, also on a terminal")
    .option("-q, --quiet", "no terminal report", false)
    .option("-v, --verbose", "all that was captured, and whose exit status it is", false)
    .option("--show-memory", "keep memory bytes and what looks secret in reports", false)
    .passThroughOptions();
}

export const EXIT_STATUS_HELP = "\nExit status: 1 findings, 2 usage, 3 could not be answered, else the target's own.";

/** What was asked, from the flags that all such verbs have; `own` are the verb's own. */
export function optionsOf(flags: ObservingFlags, own: Pick<Options, "verb" | "command"> & Partial<Options>): Options {
  return {
    demo: null,
    attach: null,
    untilCrash: false,
    scope: "library",
    origins: "auto",
    sanitizer: "address",
    heap: { mode: "poison", guardSide: "after", allocFill: 0xa5, freeFill: 0x5a, quarantine: 4, stacks: "full" },
    build: null,
    core: null,
    baseline: flags.baseline ?? null,
    libs: flags.lib,
    with: flags.with,
    out: flags.out ?? null,
    formats: flags.format.length > 0 ? flags.format : [{ format: "terminal", file: null }],
    failOn: flags.failOn,
    timeout: flags.timeout ?? null,
    repeat: flags.repeat,
    exitCode: flags.exitCode,
    dryRun: flags.dryRun,
    color: flags.color ? null : false,
    quiet: flags.quiet,
    verbose: flags.verbose,
    showMemory: flags.showMemory,
    ...own,
  };
}

/** Carries out what was asked, writes its report, and returns the exit status. */
export async function observe(options: Options): Promise<number> {
  const { planSession, runSession } = await import("../session/run.js");
  if (options.dryRun) {
    process.stdout.write(planText(await planSession(options, process.env), reportOwnsStdout(options)));
    return 0;
  }
  const { report, runDir, unwritten } = await runSession(options, {
    targetOutput: reportOwnsStdout(options) ? "stderr" : "own",
    environment: process.env,
    log: (line) => options.verbose && process.stderr.write(`ffi-doctor: ${line}\n`),
  });
  const toTerminal = options.core === null ? process.stderr : process.stdout;
  await writeReport(report, shortPath(runDir), options, toTerminal);
  if (unwritten !== null) {
    throw unwritten;
  }
  const { status, whose } = captureStatus(report, options);
  if (options.verbose) {
    process.stderr.write(`ffi-doctor: status ${status}: ${whose}\n`);
  }
  return status;
}

type Planned = Awaited<ReturnType<typeof import("../session/run.js").planSession>>;

/** What `--dry-run` prints. */
export function planText({ plan, target }: Planned, json: boolean): string {
  if (json) {
    return `${JSON.stringify({ plan, target }, null, 2)}\n`;
  }
  const lines = plan.steps.flatMap((step) => [
    `step ${step.id}:`,
    ...(step.tool.length === 0 ? [] : [`  tool    ${step.tool.join(" ")}`]),
    ...(step.target === null && step.attach === null
      ? []
      : [`  target  ${step.target === null ? `process ${step.attach}` : step.target.join(" ")}`]),
    ...step.interventions.map(({ what, why }) => `  changes ${what} (${why})`),
  ]);
  const host = target === null ? [] : [`host: ${target.host.runtime}, ${target.executable}`];
  const all = [...host, ...lines, ...plan.explanations];
  return `${all.map((line) => escapeText(line, LONGEST_LINE)).join("\n")}\n`;
}

/** As the user would type it. */
export function shortPath(path: string): string {
  const here = `${process.cwd()}/`;
  return path.startsWith(here) ? path.slice(here.length) : path;
}
