import type { Outcome } from "../../model/primitives.js";
import type { Report } from "../../model/report.js";
import { redactCommand } from "../redact.js";
import { briefLines, findingLines } from "./finding.js";
import { Page } from "./page.js";

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
    findingLines(page, first, { verbose: options.verbose });
    for (const finding of rest) {
      if (options.verbose) {
        findingLines(page, finding, { verbose: true });
      } else {
        briefLines(page, finding);
      }
    }
  }
  obstacleLines(page, report);
  if (report.verdict === "clean") {
    cleanLines(page, report);
  }
  coverageLines(page, report);
  footLines(page, report, options);
  return page.toString();
}

function headLine(page: Page, report: Report): void {
  const count = report.findings.length;
  const verdicts = {
    findings: page.style.red.bold(`${count} finding${count === 1 ? "" : "s"}`),
    clean: page.style.green.bold("clean"),
    inconclusive: page.style.yellow.bold("inconclusive: the question could not be answered"),
  };
  page.raw(`${page.style.bold("ffi-doctor")} ${report.run.verb}: ${verdicts[report.verdict]}`);
  const runs = redactCommand(report.run.command).join(" ");
  page.text(page.cut(runs === "" ? "(a running process)" : runs, page.width - 4), { indent: 2, style: page.style.dim });
  page.text(`${outcomeText(report.run.outcome)} after ${(report.run.durationMs / 1000).toFixed(1)} s`, {
    indent: 2,
    style: page.style.dim,
  });
}

/** How the target ended. */
export function outcomeText(outcome: Outcome): string {
  if (outcome.timedOut) {
    return "ended by the time limit";
  }
  if (outcome.signal !== null) {
    return `killed by ${outcome.signal}`;
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

function cleanLines(page: Page, report: Report): void {
  page.blank();
  page.text("Nothing was found among what was looked for:");
  for (const line of report.coverage.flatMap(({ lookedFor }) => lookedFor)) {
    page.text(`- ${line}`, { indent: 2, hang: 4 });
  }
  page.blank();
  page.text(
    "A mistake that does not end the process, such as a leak or a read of freed memory that is still mapped, does not show here: valgrind would see more.",
  );
}

function coverageLines(page: Page, report: Report): void {
  const spots = report.coverage.flatMap(({ blindSpots }) => blindSpots);
  if (spots.length > 0) {
    page.heading("Not seen");
  }
  for (const { what, why, mend } of spots) {
    page.text(`- ${what}: ${why}${mend === null ? "" : ` (mend: ${mend})`}`, { indent: 2, hang: 4 });
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
    page.text(`Registers, memory, maps and all threads: ffi-doctor report ${options.runDir} -v`, {
      style: page.style.dim,
    });
  }
}
