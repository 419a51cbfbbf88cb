import type { Finding } from "../../model/finding.js";
import type { Frame, Stack } from "../../model/frame.js";
import { detailLines, timelineLines } from "./details.js";
import type { Page } from "./page.js";
import { callsBack, nameOf, placeOf, stackLines } from "./stack.js";

const ROLES: Record<Stack["role"], string> = {
  fault: "Stack",
  alloc: "Allocated here: stack",
  free: "Freed here: stack",
  origin: "Made here, and not written: stack",
  call: "The other side: stack",
};

/** What, where, whose, why, next; then the stack and the signals. */
export function findingLines(page: Page, finding: Finding, options: { verbose: boolean }): void {
  headLines(page, finding);
  whereLines(page, finding);
  page.labelled("Whose", `${finding.blame}: ${finding.blameReason}`);
  page.labelled("Why", finding.message);
  nextLines(page, finding);
  page.heading("Evidence");
  for (const line of finding.evidence) {
    page.text(`- ${line}`, { indent: 2, hang: 4 });
  }
  changedLines(page, finding.changed ?? []);
  for (const stack of finding.stacks) {
    page.heading(`${ROLES[stack.role]} of thread ${stack.thread}, innermost first`);
    stackLines(page, stack, options.verbose);
  }
  if (finding.timeline !== undefined) {
    timelineLines(page, finding);
  }
  detailLines(page, finding, options.verbose);
}

/** The bytes that were changed, a line for each run of them. */
function changedLines(page: Page, changed: NonNullable<Finding["changed"]>): void {
  if (changed.length > 0) {
    page.heading("Changed, by offset from the block's first byte");
  }
  for (let at = 0; at < changed.length; ) {
    let end = at + 1;
    while (changed[end]?.offset === (changed[at]?.offset ?? 0) + (end - at)) {
      end += 1;
    }
    const run = changed.slice(at, end);
    const is = run.map((byte) => byte.is);
    const text = Buffer.from(is.join(""), "hex").toString("latin1");
    const printable = /^[\x20-\x7e]+$/.test(text) ? ` "${text}"` : "";
    page.text(`${run[0]?.offset}: was ${run.map(({ was }) => was).join(" ")}, is ${is.join(" ")}${printable}`, {
      indent: 2,
      hang: 4,
    });
    at = end;
  }
}

/** One finding after the first: its head and where it is. */
export function briefLines(page: Page, finding: Finding): void {
  headLines(page, finding);
  whereLines(page, finding);
  page.labelled("Whose", finding.blame);
}

function headLines(page: Page, finding: Finding): void {
  page.blank();
  const paint = finding.severity === "error" ? page.style.red.bold : page.style.yellow.bold;
  const { seen: times, runs: all } = finding.occurrences;
  const seen = times > 1 ? `, seen ${times} times` : all > 1 ? ", seen once" : "";
  const runs = all > 1 ? ` in ${all} runs` : "";
  const witnesses = finding.probes.length > 1 ? `, seen by ${finding.probes.join(" and ")}` : "";
  const known = finding.known === true ? ", in the baseline" : "";
  page.raw(
    `${paint(finding.severity.toUpperCase())}  ${page.style.bold(finding.code)}  (${finding.confidence}${seen}${runs}${witnesses}${known})`,
  );
  page.text(finding.title, { style: page.style.bold });
  page.blank();
}

function whereLines(page: Page, finding: Finding): void {
  const frames = finding.stacks[0]?.frames ?? [];
  const site = siteFrame(frames);
  siteLine(page, finding, site);
  const boundary = frames.findIndex((frame) => frame.boundary);
  const crossing = frames[boundary];
  if (crossing !== undefined && crossing !== site) {
    const out = callsBack(frames, boundary);
    const how = out ? "in a callback, called by" : "reached through";
    page.labelled("", `${how} ${describe(crossing)}${out ? "" : ", the call that crossed the boundary"}`);
  }
  const caller = frames.slice(boundary + 1).find((frame) => frame.side === "script");
  if (caller !== undefined && caller !== site) {
    const language = caller.language === null ? "" : `${languageName(caller.language)} `;
    page.labelled("", `called from ${language}${describe(caller)}`, page.style.green);
  }
  if (crossing !== undefined && !frames.some(({ side }) => side === "script")) {
    page.labelled("", withoutScript(finding));
  }
  if (finding.block !== undefined) {
    page.labelled("", blockText(finding.block));
  }
  if (finding.signal !== undefined) {
    const address = finding.signal.address === null ? "" : ` at ${finding.signal.address}`;
    page.labelled("", `${signalText(finding.signal)}${address}, thread ${finding.signal.thread}, pid ${finding.pid}`);
  }
}

/** Of damage that was found later the first stack is the allocation's. */
function siteLine(page: Page, { stacks }: Finding, site: Frame | null): void {
  if (site === null) {
    return;
  }
  const module = site.module === null ? "" : `, in ${site.module.split("/").at(-1)}`;
  const [label, how] = stacks[0]?.role === "alloc" ? ["Block", "allocated by "] : ["Where", ""];
  page.labelled(label, `${how}${describe(site)}${module}`, page.style.yellow);
}

/** "16 bytes behind a block of 64 bytes that malloc gave, freed". */
function blockText({ size, offset, allocator, state }: NonNullable<Finding["block"]>): string {
  const condition = state === "unknown" ? "live or freed" : state;
  return `${placeIn(offset, size)} a block of ${bytes(size)} that ${allocator} gave, ${condition}`;
}

function placeIn(offset: number, size: number): string {
  if (offset < 0) {
    return `${bytes(-offset)} before`;
  }
  if (offset < size) {
    return offset === 0 ? "at the start of" : `${bytes(offset)} into`;
  }
  return offset === size ? "right behind" : `${bytes(offset - size)} behind`;
}

function bytes(count: number): string {
  return `${count} byte${count === 1 ? "" : "s"}`;
}

/** A debugger walks a stack to its end; a checker's may end where the binding begins. */
function withoutScript({ probes }: Finding): string {
  return probes.includes("gdb") || probes.includes("core")
    ? "none of the host's own code is on this thread: an asynchronous call"
    : "who called that is not told: the stack ends before the host's own code";
}

function signalText(signal: NonNullable<Finding["signal"]>): string {
  const names: Record<string, string> = { PANIC: "Rust panic", EXIT: "ended by its runtime", STOPPED: "stopped" };
  return names[signal.name] ?? `${signal.name} (${signal.code})`;
}

function describe(frame: Frame): string {
  const place = placeOf(frame);
  return `${nameOf(frame)}${place === "" ? "" : `  ${place}`}`;
}

function languageName(language: string): string {
  const names: Record<string, string> = {
    javascript: "JavaScript",
    go: "Go",
    python: "Python",
    c: "C",
    "c++": "C++",
    rust: "Rust",
  };
  return names[language] ?? language;
}

/** The innermost frame of somebody's own code. */
function siteFrame(frames: readonly Frame[]): Frame | null {
  const quiet =
    /^<*(core|std|alloc|__rustc)(::|\[)|^rust_(panic|begin)|^runtime\.(exit|fatal|systemstack|gopanic|panic|sigpanic|throw|mcall)/;
  return (
    frames.find(
      ({ side, kind, function: name }) => side !== "system" && kind !== "folded" && !quiet.test(name ?? ""),
    ) ??
    frames[0] ??
    null
  );
}

function nextLines(page: Page, finding: Finding): void {
  page.blank();
  for (const [i, step] of finding.nextSteps.entries()) {
    page.labelled(i === 0 ? "Next" : "", `${i + 1}. ${step.why} (${step.cost})${step.command === null ? "" : ":"}`);
    if (step.command !== null) {
      page.command(step.command, 13);
    }
  }
}
