import type { CaptureDetails, Finding } from "../model/finding.js";
import type { Report } from "../model/report.js";

const MASK = "***";
const SECRET_NAME = /(pass(word|wd|phrase)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential|auth)/i;
const SECRET_VALUE =
  /\b(AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bxox[abpr]-\S{10,}|\beyJ[\w-]{10,}\.[\w-]{5,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY/;
const URL_CREDENTIALS = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]+):[^\s/@]+@/gi;

/** A report fit to be shared: memory bytes and secret-looking arguments are masked, unless asked not to. */
export function redactReport(report: Report, options: { showMemory: boolean }): Report {
  if (options.showMemory) {
    return report;
  }
  return {
    ...report,
    run: {
      ...report.run,
      command: redactCommand(report.run.command),
      processes: report.run.processes.map((process) => ({ ...process, command: redactCommand(process.command) })),
      interventions: report.run.interventions.map((entry) => ({ ...entry, what: redactWord(entry.what) })),
    },
    findings: report.findings.map((finding) => redactFinding(finding, secretsOf(report))),
  };
}

/** The arguments that look secret, and the value of an option whose name does. */
export function redactCommand(command: readonly string[]): string[] {
  return command.map((word, i) => {
    const before = command[i - 1] ?? "";
    const isValue = /^--?[\w-]+$/.test(before) && SECRET_NAME.test(before) && !word.startsWith("-");
    return isValue ? MASK : redactWord(word);
  });
}

function redactWord(word: string): string {
  const assigned = /^(-{0,2}[\w.-]+)=(.+)$/s.exec(word);
  if (assigned !== null && SECRET_NAME.test(assigned[1] ?? "") && !/^NODE_OPTIONS$/.test(assigned[1] ?? "")) {
    return `${assigned[1]}=${MASK}`;
  }
  return SECRET_VALUE.test(word) ? MASK : word.replace(URL_CREDENTIALS, `$1:${MASK}@`);
}

/** Words of the command lines that were masked: next steps repeat command lines. */
function secretsOf(report: Report): string[] {
  const commands = [report.run.command, ...report.run.processes.map(({ command }) => command)];
  return commands.flatMap((command) => {
    const masked = redactCommand(command);
    return command.filter((word, i) => word !== masked[i] && word.length > 3);
  });
}

function redactFinding(finding: Finding, secrets: readonly string[]): Finding {
  const clean = (text: string): string => secrets.reduce((out, secret) => out.replaceAll(secret, MASK), text);
  return {
    ...finding,
    nextSteps: finding.nextSteps.map((step) => ({
      ...step,
      command: step.command === null ? null : clean(step.command),
    })),
    ...(finding.capture === undefined ? {} : { capture: redactCapture(finding.capture) }),
  };
}

function redactCapture(capture: CaptureDetails): CaptureDetails {
  return { ...capture, memory: capture.memory.map((window) => ({ ...window, bytes: null })) };
}
