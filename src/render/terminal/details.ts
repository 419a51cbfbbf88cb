import type { MapEntry, SignalEvent } from "../../model/crash.js";
import type { CaptureDetails, Finding } from "../../model/finding.js";
import type { Frame } from "../../model/frame.js";
import type { Page } from "./page.js";
import { placeOf, stackLines } from "./stack.js";

const INSTRUCTIONS = 4;
/** So many groups of goroutines are shown without `-v`. */
const GOROUTINE_GROUPS = 5;
/** Columns that an address, 16 bytes and their text take; a narrower page has 8 bytes a line. */
const WIDTH_OF_16 = 80;

/** Which signals there were, what each meant, and which one is the pick. */
export function timelineLines(page: Page, finding: Finding): void {
  const events = finding.timeline ?? [];
  const capture = finding.capture;
  if (events.length === 0) {
    return;
  }
  page.heading("Signals, in order");
  for (let i = 0; i < events.length; ) {
    const event = events[i];
    if (event === undefined) {
      break;
    }
    const alike = runOf(events, i);
    i += alike;
    eventLines(page, event, alike, { only: events.length === 1, timed: !capture?.core });
  }
  if (capture !== undefined && capture.benignOmitted > 0) {
    page.text(`${capture.benignOmitted} more that the runtime handled are left out`, {
      indent: 4,
      style: page.style.dim,
    });
  }
  if (capture !== undefined && events.length > 1) {
    page.text(`Why this one: ${capture.pickReason}.`, { indent: 2 });
  }
}

interface Shown {
  only: boolean;
  /** A core does not tell when anything was. */
  timed: boolean;
}

function eventLines(page: Page, event: SignalEvent, alike: number, { only, timed }: Shown): void {
  const picked = event.role === "first-hand" || event.role === "panic" || only;
  const at = timed ? `${(event.atMs / 1000).toFixed(3)} s` : "";
  const where = event.function ?? (event.module || "generated code").split("/").at(-1) ?? event.pc;
  const line = `  ${picked ? ">" : " "} ${String(event.id).padStart(2)} ${at.padStart(9)}  ${event.signal.name} ${event.role}`;
  page.row(`${line}, in ${where}`, picked ? page.style.bold : page.style.dim);
  if (picked || event.of !== null) {
    page.text(event.why, { indent: 17, style: page.style.dim });
  }
  if (alike > 1) {
    page.text(`and ${alike - 1} more like it`, { indent: 17, style: page.style.dim });
  }
}

/** How many events from here on are the same again: a crash reporter that probes memory faults by the dozen. */
function runOf(events: readonly SignalEvent[], start: number): number {
  const first = events[start];
  const isPick = first?.role === "first-hand" || first?.role === "panic";
  let end = start + 1;
  while (
    !isPick &&
    end < events.length &&
    events[end]?.role === first?.role &&
    events[end]?.of === first?.of &&
    events[end]?.function === first?.function &&
    events[end]?.signal.name === first?.signal.name
  ) {
    end += 1;
  }
  return end - start;
}

/** Instruction and address; with `verbose` also registers, memory, all threads and the maps. */
export function detailLines(page: Page, finding: Finding, verbose: boolean): void {
  const { capture } = finding;
  if (capture === undefined) {
    return;
  }
  if (capture.incomplete !== null) {
    page.blank();
    page.text(`Not all was captured: ${capture.incomplete}.`);
  }
  if (verbose || (finding.signal?.insn && !finding.signal.forged)) {
    disassemblyLines(page, capture, verbose);
  }
  addressLines(page, finding, capture);
  goroutineLines(page, capture);
  if (verbose) {
    registerLines(page, capture);
    memoryLines(page, capture);
    threadLines(page, capture);
    goroutineStacks(page, capture);
    moduleLines(page, capture);
    mapLines(page, capture);
  }
}

function disassemblyLines(page: Page, capture: CaptureDetails, verbose: boolean): void {
  const at = capture.disassembly.findIndex(({ current }) => current);
  if (at < 0) {
    return;
  }
  page.heading("Instructions");
  const rows = verbose ? capture.disassembly : capture.disassembly.slice(Math.max(0, at - INSTRUCTIONS), at + 3);
  for (const row of rows) {
    page.row(`  ${row.current ? "=>" : "  "} ${row.pc}  ${row.text}`, row.current ? page.style.bold : page.style.dim);
  }
}

function addressLines(page: Page, finding: Finding, capture: CaptureDetails): void {
  const address = finding.signal?.address ?? null;
  if (address === null || capture.maps.length === 0) {
    return;
  }
  const at = BigInt(address);
  const inside = capture.maps.find(({ start, end }) => BigInt(start) <= at && at < BigInt(end));
  page.heading(`Where ${address} lies`);
  if (inside !== undefined) {
    mapLine(page, inside, "in ");
    return;
  }
  const below = capture.maps.findLast(({ end }) => BigInt(end) <= at);
  const above = capture.maps.find(({ start }) => BigInt(start) > at);
  if (below !== undefined) {
    mapLine(page, below, "above");
  }
  page.row(`    here  ${address}: nothing is mapped`, page.style.bold);
  if (above !== undefined) {
    mapLine(page, above, "below");
  }
}

function mapLine(page: Page, map: MapEntry, word: string): void {
  page.row(`    ${word.padEnd(5)} ${map.start}-${map.end} ${map.perms} ${map.path ?? "(anonymous)"}`);
}

function registerLines(page: Page, capture: CaptureDetails): void {
  page.heading("Registers");
  const cells = capture.registers.map(({ name, value }) => `${name.padEnd(7)} ${value.padEnd(19)}`);
  const columns = Math.max(1, Math.floor((page.width - 2) / 28));
  for (let i = 0; i < cells.length; i += columns) {
    const row = cells.slice(i, i + columns).join(" ");
    page.row(`  ${row.trimEnd()}`);
  }
}

function memoryLines(page: Page, capture: CaptureDetails): void {
  for (const { register, value, start, bytes } of capture.memory) {
    if (bytes === null || start === null) {
      continue;
    }
    page.heading(`Memory at ${register} = ${value}`);
    const digits = page.width < WIDTH_OF_16 ? 16 : 32;
    for (let i = 0; i < bytes.length; i += digits) {
      const row = bytes.slice(i, i + digits);
      const text = Buffer.from(row, "hex")
        .toString("latin1")
        .replace(/[^\x20-\x7e]/g, ".");
      const address = `0x${(BigInt(start) + BigInt(i / 2)).toString(16)}`;
      page.raw(
        `  ${address.padEnd(18)} ${(row.match(/.{1,4}/g) ?? []).join(" ").padEnd((digits * 5) / 4 - 1)}  ${text}`,
      );
    }
  }
}

function threadLines(page: Page, capture: CaptureDetails): void {
  for (const thread of capture.threads.filter(({ faulting }) => !faulting)) {
    const goroutine = thread.goroutine === null ? "" : `, goroutine ${thread.goroutine}`;
    page.heading(`Thread ${thread.tid} ${thread.name ?? ""}${goroutine}`);
    stackLines(page, { role: "call", thread: "", frames: thread.frames, truncated: thread.truncated }, false);
  }
}

/** Where the goroutines were, one line for those that stood alike; the user's own code where there is some. */
function goroutineLines(page: Page, { goroutines }: CaptureDetails): void {
  if (goroutines.length === 0) {
    return;
  }
  page.heading(`Goroutines: ${goroutines.reduce((sum, { count }) => sum + count, 0)}`);
  for (const { count, state, frames } of goroutines.slice(0, GOROUTINE_GROUPS)) {
    const frame = frames.find(({ side }) => side === "script") ?? frames[0];
    const place = frame === undefined ? "" : `, in ${frame.function ?? frame.pc}${placed(frame)}`;
    page.row(`  ${String(count).padStart(6)}  ${state}${place}`);
  }
  if (goroutines.length > GOROUTINE_GROUPS) {
    page.text(`${goroutines.length - GOROUTINE_GROUPS} more groups: -v shows them`, {
      indent: 2,
      style: page.style.dim,
    });
  }
}

function placed(frame: Frame): string {
  const place = placeOf(frame);
  return place === "" ? "" : ` (${place})`;
}

function goroutineStacks(page: Page, { goroutines }: CaptureDetails): void {
  for (const { count, state, ids, frames } of goroutines) {
    const more = count > ids.length ? ", ..." : "";
    page.heading(`${count} goroutine${count === 1 ? "" : "s"}, ${state} (${ids.join(", ")}${more})`);
    stackLines(page, { role: "call", thread: "", frames, truncated: null }, false);
  }
}

function moduleLines(page: Page, capture: CaptureDetails): void {
  page.heading("Libraries");
  for (const { path, buildId, base, debugInfo, inQuestion } of capture.modules) {
    const facts = [
      inQuestion ? "in question" : null,
      debugInfo ? null : "no debug information",
      `build id ${buildId ?? "none"}`,
    ];
    page.row(`  ${base} ${path} (${facts.filter((fact) => fact !== null).join(", ")})`);
  }
}

function mapLines(page: Page, capture: CaptureDetails): void {
  page.heading("Memory map");
  for (const map of capture.maps) {
    page.row(`  ${map.start}-${map.end} ${map.perms} ${map.path ?? ""}`);
  }
}
