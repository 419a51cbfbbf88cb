import type { SignalEvent, ThreadStack } from "../model/crash.js";
import type { CaptureDetails, Finding } from "../model/finding.js";
import type { Report } from "../model/report.js";

const MASK = "***";
const SECRET_NAME =
  /pass(word|wd|phrase)?$|passw|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential|auth(?!ors?$)|(^|[-_.])(key|pwd|pass)$/i;
const SECRET_VALUE =
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bxox[abpr]-\S{10,}|\beyJ[\w-]{10,}\.[\w-]{5,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY/;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** The password may hold an @ of its own; the user's name may be missing, as in redis://:password@host. */
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):([^\s/]*)@/gi;
const QUERY = /([?&])([\w.-]+)=([^&\s#]+)/g;
/** name=value in the middle of a text. */
const ASSIGNED_WITHIN = /(?<![\w.?&-])([\w.-]+)=([^\s"'`,;&)\]}]+)/g;
/** "Authorization: Bearer abc", "password: abc": in texts these words alone are taken for that, as a colon is in many sentences. */
const TOLD = /\b((?:authorization|password|passwd)"?:\s*"?(?:(?:bearer|basic|token)\s+)?)([^\s"'`,;]+)/gi;
/** What no secret is: an address or a count. */
const NUMBER = /^(?:0x[\da-f]+|\d+)$/i;
const ASSIGNED = /^(-{0,2}[\w.-]+)(=|:\s*)(.+)$/s;

/** Next steps repeat command lines with longer words cut here (diagnose/next-steps.ts). */
const CUT_AT = 200;
/** Shorter secrets are masked where they stand alone only, or half of every sentence would be. */
const SURE_LENGTH = 8;
/** What is shorter is none, and would be found in every sentence. */
const SHORTEST = 3;

export interface Redaction {
  /** Keep everything. */
  showMemory: boolean;
  /** Secrets that are known from elsewhere, such as the environment's (`secretsOfEnvironment`). */
  secrets?: readonly string[];
}

/** A report fit to be shared: memory bytes and what looks secret are masked, unless asked not to. */
export function redactReport(report: Report, options: Redaction): Report {
  if (options.showMemory) {
    return report;
  }
  const masked = redactSecrets(report, options);
  return {
    ...masked,
    findings: masked.findings.map(({ changed: _bytes, ...finding }) => ({
      ...finding,
      // What a pointer points to is memory.
      boundaryCalls: finding.boundaryCalls.map((call) => ({
        ...call,
        args: call.args.map(({ name, type, value }) => ({ name, type, value })),
      })),
      ...(finding.capture === undefined ? {} : { capture: withoutBytes(finding.capture) }),
    })),
  };
}

/** Secrets alone are masked: in command lines, in what was changed about the target, and in every sentence that repeats them. */
export function redactSecrets(report: Report, options: Redaction): Report {
  if (options.showMemory) {
    return report;
  }
  const commands = [
    report.run.command,
    ...[...report.run.processes, ...report.letGo, ...(report.run.jobs ?? [])].map(({ command }) => command),
    ...report.run.interventions.map(({ what }) => wordsOf(what)),
  ];
  const clean = scrubber([...commands.flatMap(secretsOf), ...(options.secrets ?? []).flatMap(asQuoted)]);
  const cleanCommand = (command: readonly string[]): string[] => redactCommand(command).map(clean);
  const cleanWays = <T extends { what: string; why: string; mend: string | null }>(entry: T): T => ({
    ...entry,
    what: clean(entry.what),
    why: clean(entry.why),
    mend: entry.mend === null ? null : clean(entry.mend),
  });
  const { run } = report;
  return {
    ...report,
    run: {
      ...run,
      command: cleanCommand(run.command),
      processes: run.processes.map((process) => ({ ...process, command: cleanCommand(process.command) })),
      ...(run.jobs === undefined
        ? {}
        : { jobs: run.jobs.map((job) => ({ ...job, name: clean(job.name), command: cleanCommand(job.command) })) }),
      interventions: run.interventions.map(({ kind, what, why }) => ({
        kind,
        what: clean(redactIntervention(what)),
        why: clean(why),
      })),
    },
    findings: report.findings.map((finding) => redactFinding(finding, clean)),
    obstacles: report.obstacles.map(cleanWays),
    letGo: report.letGo.map(({ pid, command, threads }) => ({
      pid,
      command: cleanCommand(command),
      threads: threads.map((thread) => cleanThread(thread, clean)),
    })),
    suppressed: report.suppressed.map((entry) => ({
      ...entry,
      reason: clean(entry.reason),
      ...(entry.title === undefined ? {} : { title: clean(entry.title) }),
    })),
    ...(report.baseline === null
      ? {}
      : {
          baseline: {
            ...report.baseline,
            gone: report.baseline.gone.map((entry) => ({ ...entry, title: clean(entry.title) })),
          },
        }),
    ...(report.notices === undefined ? {} : { notices: report.notices.map(clean) }),
    coverage: report.coverage.map((entry) => ({
      ...entry,
      lookedFor: entry.lookedFor.map(clean),
      blindSpots: entry.blindSpots.map(cleanWays),
      notShown: entry.notShown.map((hidden) => ({ ...hidden, what: clean(hidden.what) })),
    })),
  };
}

/**
 * What an environment holds that must not be shown where the target repeats it: the values of variables with a secret's name, passwords
 * in addresses, and keys of known shapes. Short ones, and paths, are none.
 */
export function secretsOfEnvironment(environment: Record<string, string | undefined>): string[] {
  return Object.entries(environment)
    .flatMap(([name, value = ""]) => (SECRET_NAME.test(name) ? [value] : secretParts(value)))
    .filter((value) => value.length >= SURE_LENGTH && !value.startsWith("/"));
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

/** NODE_OPTIONS=<words>: the options that were added are no secrets, what the user had in the variable may be. */
function redactIntervention(what: string): string {
  const [variable] = /^\w+=(?=.* )/.exec(what) ?? [""];
  return `${variable}${redactCommand(wordsOf(what)).join(" ")}`;
}

/** The words of a variable that holds several, such as JAVA_TOOL_OPTIONS; anything else is one. */
function wordsOf(what: string): string[] {
  const [variable] = /^\w+=(?=.* )/.exec(what) ?? [""];
  return variable === "" ? [what] : what.slice(variable.length).split(" ");
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
  return whole.flatMap(asQuoted);
}

/** As it is, and as a shell's quotes have it. */
function asQuoted(secret: string): string[] {
  return secret.includes("'") ? [secret, secret.replaceAll("'", "'\\''")] : [secret];
}

/** Masks the known secrets wherever a text repeats them, then what looks like one by itself. */
function scrubber(secrets: readonly string[]): Clean {
  const longestFirst = [...new Set(secrets)]
    .filter(({ length }) => length >= SHORTEST)
    .sort((a, b) => b.length - a.length);
  const patterns = longestFirst.map((secret) => {
    const literal = secret.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return new RegExp(secret.length >= SURE_LENGTH ? literal : `(?<!\\w)${literal}(?!\\w)`, "g");
  });
  return (text) => unasked(patterns.reduce((out, pattern) => out.replace(pattern, MASK), text));
}

/** What the target says by itself: a connection string in an abort's message, a header in a panic. */
function unasked(text: string): string {
  const assigned = (all: string, name: string, value: string): string =>
    SECRET_NAME.test(name) && !NUMBER.test(value) && !value.startsWith(MASK)
      ? `${all.slice(0, all.length - value.length)}${MASK}`
      : all;
  return text
    .replace(PRIVATE_KEY, MASK)
    .replace(new RegExp(SECRET_VALUE, "g"), MASK)
    .replace(URL_PASSWORD, (all, before: string, password: string) => (password === "" ? all : `${before}:${MASK}@`))
    .replace(QUERY, (all, _mark, name: string, value: string) => assigned(all, name, value))
    .replace(ASSIGNED_WITHIN, assigned)
    .replace(TOLD, (all, before: string, value: string) => (value.startsWith(MASK) ? all : `${before}${MASK}`));
}

/** The target's own words (an abort message, a panic) may repeat what it was given. */
function redactFinding(finding: Finding, clean: Clean): Finding {
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
    stacks: finding.stacks.map((stack) => ({
      ...stack,
      thread: clean(stack.thread),
      truncated: stack.truncated === null ? null : clean(stack.truncated),
    })),
    boundaryCalls: finding.boundaryCalls.map((call) => ({
      ...call,
      args: call.args.map((arg) => ({ ...arg, value: clean(arg.value) })),
      result: call.result === null ? null : clean(call.result),
    })),
    ...(finding.signal === undefined ? {} : { signal: { ...finding.signal, thread: clean(finding.signal.thread) } }),
    ...(finding.timeline === undefined ? {} : { timeline: finding.timeline.map((event) => cleanEvent(event, clean)) }),
    ...(finding.capture === undefined ? {} : { capture: cleanCapture(finding.capture, clean) }),
  };
}

type Clean = (text: string) => string;

function cleanEvent(event: SignalEvent, clean: Clean): SignalEvent {
  return { ...event, threadName: event.threadName === null ? null : clean(event.threadName), why: clean(event.why) };
}

function cleanThread(thread: ThreadStack, clean: Clean): ThreadStack {
  return {
    ...thread,
    name: thread.name === null ? null : clean(thread.name),
    truncated: thread.truncated === null ? null : clean(thread.truncated),
  };
}

function cleanCapture(capture: CaptureDetails, clean: Clean): CaptureDetails {
  return {
    ...capture,
    threads: capture.threads.map((thread) => cleanThread(thread, clean)),
    pickReason: clean(capture.pickReason),
    incomplete: capture.incomplete === null ? null : clean(capture.incomplete),
  };
}

function withoutBytes(capture: CaptureDetails): CaptureDetails {
  return { ...capture, memory: capture.memory.map((window) => ({ ...window, bytes: null })) };
}
