import { writeSync } from "node:fs";
import { Command, Option } from "commander";
import type { Options } from "../../model/options.js";
import type { Severity } from "../../model/primitives.js";
import type { Job } from "../../model/report.js";
import { formats } from "../../model/vocabulary.js";
import { escapeText } from "../../render/escape.js";
import type { JobPosition } from "../../session/ci.js";
import { collectName, parseFormat, parseSeconds, parseSeverity } from "../arguments.js";
import { captureStatus, EXIT } from "../exit-code.js";
import { planText, shortPath } from "../observing.js";
import { type Output, reportOwnsStdout, writeFile, writeReport } from "../streams.js";

interface Flags {
  config?: string;
  only: string[];
  out?: string;
  format: Options["formats"];
  failOn?: Severity;
  timeout?: number;
  baseline?: string;
  updateBaseline: boolean;
  exitCode: "target" | "doctor";
  dryRun: boolean;
  color: boolean;
  quiet: boolean;
  verbose: boolean;
  showMemory: boolean;
}

const HELP = `
The configuration is ffi-doctor.config.json, .js or .ts, or the key ffi-doctor of package.json, in this folder:
  { "runs": [{ "name": "tests", "command": ["node", "test.js"], "instruments": ["gdb-capture"] }] }

Examples:
  ffi-doctor ci
  ffi-doctor ci --only tests --format json=report.json
  ffi-doctor ci --update-baseline

Exit status: 0 nothing new, 1 new findings, 2 usage or configuration, 3 something could not be answered.`;

/** `ci [options]`. */
export function ciCommand(set: (status: number) => void): Command {
  return new Command("ci")
    .description("Run what the configuration lists, each command under each of its instruments, and report it as one.")
    .option("--config <file>", "the configuration (default: ffi-doctor.config.* or package.json here)")
    .addOption(new Option("--only <name>", "only this run (repeatable)").argParser(collectName).default([], "all"))
    .option("--out <dir>", "where the runs rest (default: .ffi-doctor/<time>-ci)")
    .addOption(
      new Option("--format <format>", `${formats.join(", ")}; each also with =<file> (repeatable)`)
        .argParser(parseFormat)
        .default([], "terminal"),
    )
    .addOption(
      new Option("--fail-on <severity>", "status 1 from here on (default: as configured, else error)").argParser(
        parseSeverity,
      ),
    )
    .addOption(
      new Option("--timeout <seconds>", "end each run after this time (default: as configured, else 600)").argParser(
        parseSeconds,
      ),
    )
    .option("--baseline <report.json>", "an earlier report: only what is not in it ends with status 1")
    .option("--update-baseline", "accept what is found now: write it as the new baseline", false)
    .addOption(
      new Option("--exit-code <whose>", "whose status to end with when nothing is found; the last target's is meant")
        .choices(["target", "doctor"])
        .default("doctor"),
    )
    .option("--dry-run", "show what would be started, and start nothing", false)
    .option("--no-color", "no colour, also on a terminal")
    .option("-q, --quiet", "no progress and no terminal report", false)
    .option("-v, --verbose", "all that was captured, and whose exit status it is", false)
    .option("--show-memory", "keep memory bytes and what looks secret in reports", false)
    .addHelpText("after", HELP)
    .action(async (flags: Flags) => set(await ci(flags)));
}

async function ci(flags: Flags): Promise<number> {
  const { ciPlans, ciSession } = await import("../../session/ci.js");
  const request = {
    config: flags.config ?? null,
    only: flags.only,
    out: flags.out ?? null,
    baseline: flags.baseline ?? null,
    updateBaseline: flags.updateBaseline,
    failOn: flags.failOn ?? null,
    timeout: flags.timeout ?? null,
    showMemory: flags.showMemory,
    files: flags.format.flatMap(({ file }) => (file === null ? [] : [file])),
  };
  const asked = outputOf(flags, [], "error");
  if (flags.dryRun) {
    const plans = await toTheEnd(() => ciPlans(request, process.env));
    process.stdout.write(plansText(plans, reportOwnsStdout(asked)));
    return 0;
  }
  const done = await toTheEnd(() =>
    ciSession(request, {
      environment: process.env,
      log: (line) => flags.verbose && tell(line),
      onJob: (job, position) => flags.quiet || jobLines(job, position),
    }),
  );
  const { report, runDir, baseline } = done;
  await writeReport(
    report,
    shortPath(runDir),
    { ...outputOf(flags, done.outputs, done.failOn), secrets: done.secrets },
    process.stderr,
  );
  if (baseline === null && flags.updateBaseline) {
    tell("the baseline was not written, as not everything could be run or answered");
  }
  if (baseline !== null) {
    writeFile(baseline.file, `${JSON.stringify(baseline.report, null, 2)}\n`);
    tell(`${shortPath(baseline.file)} is the new baseline, with ${count(baseline.report.findings.length, "finding")}`);
  }
  if (done.unwritten !== null) {
    throw done.unwritten;
  }
  const { status, whose } = captureStatus(report, { failOn: done.failOn, exitCode: flags.exitCode });
  if (flags.verbose) {
    tell(`status ${status}: ${whose}`);
  }
  return status;
}

/** A configuration that is a script may end this process, or wait for what never comes: a job must not pass for that. */
async function toTheEnd<T>(work: () => Promise<T>): Promise<T> {
  const onExit = (status: number): void => {
    if (status !== EXIT.bug) {
      process.exitCode = EXIT.usage;
      const said = "nothing was run to its end: the configuration ended this process, or waits for what never comes";
      writeSync(2, `ffi-doctor: ${said}\n  a script must only export it\n`);
    }
  };
  process.on("exit", onExit);
  try {
    return await work();
  } finally {
    process.off("exit", onExit);
  }
}

/** The terminal report, the formats of the command line, and those of the configuration. */
function outputOf(flags: Flags, configured: Options["formats"], failOn: Severity): Output {
  const asked = flags.format.length > 0 ? flags.format : [{ format: "terminal" as const, file: null }];
  return {
    formats: [...asked, ...configured],
    color: flags.color ? null : false,
    quiet: flags.quiet,
    verbose: flags.verbose,
    showMemory: flags.showMemory,
    failOn,
  };
}

function jobLines(job: Job, at: JobPosition): void {
  const seconds = (job.durationMs / 1000).toFixed(1);
  tell(`[${at.index + 1}/${at.of}] ${job.name} under ${job.instrument}: ${outcome(job)} (${seconds} s)`);
  if (at.failed && at.tail.length > 0) {
    process.stderr.write(`  the end of its output, which is in ${shortPath(at.output)}:\n`);
    for (const line of at.tail) {
      process.stderr.write(`  | ${escapeText(line)}\n`);
    }
  }
}

function outcome({ verdict, counts }: Job): string {
  const parts = [
    ...(counts.new > 0 ? [count(counts.new, "finding")] : []),
    ...(counts.known > 0 ? [`${counts.known} in the baseline`] : []),
    ...(counts.suppressed > 0 ? [`${counts.suppressed} suppressed`] : []),
  ];
  const inconclusive = verdict === "inconclusive" ? ["inconclusive"] : [];
  return [...parts, ...inconclusive].join(", ") || "clean";
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function tell(line: string): void {
  process.stderr.write(`ffi-doctor: ${escapeText(line)}\n`);
}

type Plans = Awaited<ReturnType<typeof import("../../session/ci.js").ciPlans>>;

function plansText(plans: Plans, json: boolean): string {
  if (json) {
    const jobs = plans.map(({ job, plan, target }) => ({ name: job.name, instrument: job.instrument, plan, target }));
    return `${JSON.stringify(jobs, null, 2)}\n`;
  }
  return plans
    .map(
      ({ job, ...planned }) =>
        `${job.name} under ${job.instrument}, in ${escapeText(job.cwd)}\n${planText(planned, false)}`,
    )
    .join("\n");
}
