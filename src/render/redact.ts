import type { CaptureDetails, Finding } from "../model/finding.js";
import type { Report } from "../model/report.js";

const MASK = "***";
const SECRET_NAME =
  /pass(word|wd|phrase)?$|passw|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential|auth(?!ors?$)|(^|[-_.])(key|pwd|pass)$/i;
const SECRET_VALUE =
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bxox[abpr]-\S{10,}|\beyJ[\w-]{10,}\.[\w-]{5,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY/;
/** The password may hold an @ of its own; the user's name may be missing, as in redis://:password@host. */
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):([^\s/]*)@/gi;
const QUERY = /([?&])([\w.-]+)=([^&\s#]+)/g;
const ASSIGNED = /^(-{0,2}[\w.-]+)(=|:\s*)(.+)$/s;

/** Next steps repeat command lines with longer words cut here (diagnose/next-steps.ts). */
const CUT_AT = 200;
/** Shorter secrets are masked where they stand alone only, or half of every sentence would be. */
const SURE_LENGTH = 8;
/** What is shorter is none, and would be found in every sentence. */
const SHORTEST = 3;

/** A report fit to be shared: memory bytes and secret-looking arguments are masked, unless asked not to. */
export function redactReport(report: Report, options: { showMemory: boolean }): Report {
  if (options.showMemory) {
    return report;
  }
  const commands = [
    report.run.command,
    ...[...report.run.processes, ...report.letGo, ...(report.run.jobs ?? [])].map(({ command }) => command),
  ];
  const clean = scrubber(commands.flatMap(secretsOf));
  const cleanWays = <T extends { what: string; why: string; mend: string | null }>(entry: T): T => ({
    ...entry,
    what: clean(entry.what),
    why: clean(entry.why),
    mend: entry.mend === null ? null : clean(entry.mend),
  });
  return {
    ...report,
    run: {
      ...report.run,
      command: redactCommand(report.run.command),
      processes: report.run.processes.map((process) => ({ ...process, command: redactCommand(process.command) })),
      ...(report.run.jobs === undefined
        ? {}
        : { jobs: report.run.jobs.map((job) => ({ ...job, command: redactCommand(job.command) })) }),
      interventions: report.run.interventions.map((entry) => ({ ...entry, what: redactIntervention(entry.what) })),
    },
    findings: report.findings.map((finding) => redactFinding(finding, clean)),
    obstacles: report.obstacles.map(cleanWays),
    letGo: report.letGo.map((process) => ({ ...process, command: redactCommand(process.command) })),
    suppressed: report.suppressed.map((entry) => ({
      ...entry,
      reason: clean(entry.reason),
      ...(entry.title === undefined ? {} : { title: clean(entry.title) }),
    })),
    coverage: report.coverage.map((entry) => ({
      ...entry,
      blindSpots: entry.blindSpots.map(cleanWays),
      notShown: entry.notShown.map((hidden) => ({ ...hidden, what: clean(hidden.what) })),
    })),
  };
}

/** The arguments that look secret, and the value of an option whose name does. */
export function redactCommand(command: readonly string[]): string[] {
  return command.map((word, i) => (isValueOfSecret(command, i) ? MASK : redactWord(word)));
}

function isValueOfSecret(command: readonly string[], i: number): boolean {
  const before = command[i - 1] ?? "";
  return /^--?[\w.-]+$/.test(before) && SECRET_NAME.test(before) && command[i]?.startsWith("-") === false;
}

function redactWord(word: string): string {
  return secretParts(word).reduce(
    (out, secret) => (out.endsWith(secret) ? `${out.slice(0, -secret.length)}${MASK}` : out.replaceAll(secret, MASK)),
    word,
  );
}

/** NODE_OPTIONS=<words>: V8's option names are no secrets, what the user had in it may be. */
function redactIntervention(what: string): string {
  return what.startsWith("NODE_OPTIONS=")
    ? `NODE_OPTIONS=${redactCommand(what.slice("NODE_OPTIONS=".length).split(" ")).join(" ")}`
    : redactWord(what);
}

/** The parts of one argument that must not be shown. */
function secretParts(word: string): string[] {
  if (SECRET_VALUE.test(word)) {
    return [word];
  }
  const [, name = "", , value = ""] = ASSIGNED.exec(word) ?? [];
  if (value !== "" && SECRET_NAME.test(name)) {
    return [value];
  }
  const inUrls = [...word.matchAll(URL_PASSWORD)].map((match) => match[2] ?? "");
  const inQueries = [...word.matchAll(QUERY)].flatMap(([, , key = "", text = ""]) =>
    SECRET_NAME.test(key) ? [text] : [],
  );
  return [...inUrls, ...inQueries].filter((part) => part !== "");
}

/** The secrets of a command line, whole, as a shell quotes them, and as far as a cut leaves them. */
function secretsOf(command: readonly string[]): string[] {
  const whole = command.flatMap((word, i) => {
    const parts = isValueOfSecret(command, i) ? [word] : secretParts(word);
    return parts.flatMap((part) => {
      const kept = part.slice(0, CUT_AT - word.indexOf(part));
      return word.length > CUT_AT && kept.length > 3 ? [part, kept] : [part];
    });
  });
  return whole.flatMap((secret) => (secret.includes("'") ? [secret, secret.replaceAll("'", "'\\''")] : [secret]));
}

function scrubber(secrets: readonly string[]): (text: string) => string {
  const longestFirst = [...new Set(secrets)]
    .filter(({ length }) => length >= SHORTEST)
    .sort((a, b) => b.length - a.length);
  const patterns = longestFirst.map((secret) => {
    const literal = secret.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return new RegExp(secret.length >= SURE_LENGTH ? literal : `(?<!\\w)${literal}(?!\\w)`, "g");
  });
  return (text) => patterns.reduce((out, pattern) => out.replace(pattern, MASK), text);
}

/** The target's own words (an abort message, a panic) may repeat what it was given. */
function redactFinding(finding: Finding, clean: (text: string) => string): Finding {
  return {
    ...finding,
    title: clean(finding.title),
    message: clean(finding.message),
    blameReason: clean(finding.blameReason),
    evidence: finding.evidence.map(clean),
    nextSteps: finding.nextSteps.map((step) => ({
      ...step,
      why: clean(step.why),
      command: step.command === null ? null : clean(step.command),
    })),
    ...(finding.capture === undefined ? {} : { capture: redactCapture(finding.capture) }),
  };
}

function redactCapture(capture: CaptureDetails): CaptureDetails {
  return { ...capture, memory: capture.memory.map((window) => ({ ...window, bytes: null })) };
}
