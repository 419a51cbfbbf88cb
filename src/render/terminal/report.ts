import type { Outcome } from "../../model/primitives.js";
import type { Report } from "../../model/report.js";
import { redactCommand } from "../redact.js";
import { acceptedLines, countText, jobLines } from "./ci.js";
import { briefLines, findingLines } from "./finding.js";
import { Page } from "./page.js";
import { stackLines } from "./stack.js";

/** So many threads of a process that was let go are shown without `-v`. */
const LET_GO_THREADS = 6;

export interface TerminalOptions {
  /** Columns; kept between 60 and 120. */
  width: number;
  color: boolean;
  /** As the user would type it; null when it is not known. */
  runDir: string | null;
  verbose: boolean;
}

/** The report for a person at a terminal: the first screen says what, where, whose, why and what next. */
export function renderTerminal(report: Report, options: TerminalOptions): string {
  const page = new Page(options);
  const [first, ...rest] = report.findings;
  headLine(page, report);
  if (first !== undefined) {
    // What is known already needs no second reading.
    if (first.known === true && !options.verbose) {
      briefLines(page, first);
    } else {
      findingLines(page, first, { verbose: options.verbose });
    }
    for (const finding of rest) {
      if (options.verbose) {
        findingLines(page, finding, { verbose: true });
      } else {
        briefLines(page, finding);
      }
    }
  }
  obstacleLines(page, report);
  if (report.verdict === "inconclusive" || options.verbose) {
    letGoLines(page, report, options.verbose);
  }
  if (report.verdict === "clean") {
    cleanLines(page, report);
  }
  acceptedLines(page, report);
  coverageLines(page, report);
  footLines(page, report, options);
  return page.toString();
}

function headLine(page: Page, report: Report): void {
  const verdicts = {
    findings: page.style.red.bold(countText(report)),
    clean: page.style.green.bold("clean"),
    inconclusive: page.style.yellow.bold("inconclusive: the question could not be answered"),
  };
  page.raw(`${page.style.bold("ffi-doctor")} ${report.run.verb}: ${verdicts[report.verdict]}`);
  if (report.run.jobs !== undefined) {
    jobLines(page, report.run.jobs);
    return;
  }
  page.text(page.cut(commandText(report), page.width - 4), { indent: 2, style: page.style.dim });
  // Of a core the time is ffi-doctor's own.
  const after = report.run.verb === "core" ? "; looked at for" : " after";
  page.text(`${outcomeText(report)}${after} ${(report.run.durationMs / 1000).toFixed(1)} s`, {
    indent: 2,
    style: page.style.dim,
  });
}

function commandText({ run }: Report): string {
  const attached = run.processes[0];
  if (attached === undefined && run.command.length === 0) {
    return run.verb === "core" ? "a core file" : "a process that runs already";
  }
  return run.command.length > 0 || attached === undefined
    ? redactCommand(run.command).join(" ")
    : `process ${attached.pid}: ${redactCommand(attached.command).join(" ")}`;
}

/** How the target ended. */
function outcomeText({ run }: Report): string {
  const outcome: Outcome = run.outcome;
  if (outcome.timedOut) {
    return run.command.length > 0 ? "ended by the time limit" : "let go at the time limit";
  }
  if (outcome.signal !== null) {
    return `killed by ${outcome.signal}`;
  }
  if (outcome.exitCode === null && run.processes.length === 0) {
    return "nothing was captured";
  }
  return outcome.exitCode === null ? "its end was not seen" : `exited with status ${outcome.exitCode}`;
}

function obstacleLines(page: Page, report: Report): void {
  for (const { what, why, mend } of report.obstacles) {
    page.blank();
    page.labelled("What", what, page.style.bold);
    page.labelled("Why", why);
    if (mend !== null) {
      page.labelled("Mend", mend, page.style.cyan);
    }
  }
}

/** Where a process that hangs was: the thread that was looked at first, then those in native code. */
function letGoLines(page: Page, report: Report, verbose: boolean): void {
  for (const { pid, threads } of report.letGo) {
    const native = threads.filter(({ frames, faulting }) => !faulting && frames.some(({ side }) => side === "library"));
    const first = threads.filter(({ faulting }) => faulting);
    const shown = verbose ? threads : [...first, ...native].slice(0, LET_GO_THREADS);
    for (const thread of shown) {
      page.heading(`Where thread ${thread.tid} ${thread.name ?? ""} of process ${pid} was, innermost first`);
      stackLines(page, { role: "call", thread: "", frames: thread.frames, truncated: thread.truncated }, verbose);
    }
    if (shown.length < threads.length) {
      page.text(`${threads.length - shown.length} more threads: -v shows them`, { indent: 2, style: page.style.dim });
    }
  }
}

function cleanLines(page: Page, report: Report): void {
  page.blank();
  page.text("Nothing was found among what was looked for:");
  for (const line of report.coverage.flatMap(({ lookedFor }) => lookedFor)) {
    page.text(`- ${line}`, { indent: 2, hang: 4 });
  }
  if (report.coverage.some(({ probe }) => probe === "valgrind" || probe === "asan" || probe === "heap")) {
    return;
  }
  page.blank();
  page.text(
    "A mistake that does not end the process, such as a leak or a read of freed memory that is still mapped, does not show here: ffi-doctor valgrind would see more.",
  );
}

function coverageLines(page: Page, report: Report): void {
  const several = new Set(report.coverage.map(({ probe }) => probe)).size > 1;
  const spots = report.coverage.flatMap(({ probe, blindSpots }) => blindSpots.map((spot) => ({ probe, ...spot })));
  if (spots.length > 0) {
    page.heading("Not seen");
  }
  for (const { probe, what, why, mend } of spots) {
    page.text(`- ${several ? `${probe}: ` : ""}${what}: ${why}${mend === null ? "" : ` (mend: ${mend})`}`, {
      indent: 2,
      hang: 4,
    });
  }
  const hidden = report.coverage.flatMap(({ probe, notShown }) => notShown.map((entry) => ({ probe, ...entry })));
  if (hidden.length > 0) {
    page.heading("Seen and not shown");
  }
  for (const { probe, what, count } of hidden) {
    page.text(`- ${probe}: ${count} ${what}`, { indent: 2, hang: 4 });
  }
}

function footLines(page: Page, report: Report, options: TerminalOptions): void {
  if (report.run.interventions.length > 0) {
    page.heading("Changed about the target, to see more");
    for (const { what, why } of report.run.interventions) {
      page.text(`- ${what} (${why})`, { indent: 2, hang: 4 });
    }
  }
  if (options.runDir === null) {
    return;
  }
  page.blank();
  const more = options.verbose || report.findings.length === 0 ? "" : " -v";
  page.text(`The run rests in ${options.runDir}`, { style: page.style.dim });
  if (more !== "") {
    const job = report.run.jobs?.find(({ verdict }) => verdict === "findings");
    const run = job === undefined ? options.runDir : `${options.runDir}/${job.directory}`;
    page.text(`Registers, memory, maps and all threads: ffi-doctor report ${run} -v`, { style: page.style.dim });
  }
}
