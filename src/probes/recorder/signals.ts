import type { SignalEvent, SignalInfo } from "../../model/crash.js";
import type { Box, SignalRecord } from "../blackbox/records.js";
import { signalInfo } from "../gdb/signals.js";
import type { Clock } from "./clock.js";
import { REGISTER } from "./registers.js";
import type { Told } from "./stacks.js";
import type { Came, Judged } from "./verdict.js";

/** The signals of faults and aborts, by their numbers on Linux (signal(7)). */
export const NAMES: Readonly<Record<number, string>> = {
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  11: "SIGSEGV",
  31: "SIGSYS",
};
/** Handled signals beyond this many at each end of the timeline are counted, not listed. */
const BENIGN_KEPT = 8;
/** The same of all others: a crash reporter that probes memory faults by the dozen, and a damaged recording by the thousand. */
const OTHERS_KEPT = 100;
const LIBC = /\/libc(-[\d.]+)?\.so(\.6)?$/;

export function infoOf(record: SignalRecord): SignalInfo {
  const name = NAMES[record.number] ?? `signal ${record.number}`;
  return signalInfo(name, {
    signo: record.number,
    code: record.code,
    addr: `0x${record.address.toString(16)}`,
    sender: record.senderPid,
  });
}

/** The signals of a program image in the order in which they came. `go`: the paths that hold a Go runtime. */
export function signalsOf({ boxes }: Told, box: Box, go: ReadonlySet<string>): Came[] {
  return [...box.signals]
    .sort((a, b) => a.order - b.order)
    .map((record) => {
      const module = boxes.moduleAt(box, record.registers[REGISTER.rip] ?? 0n, record.order)?.path ?? "";
      return {
        record,
        name: NAMES[record.number] ?? null,
        inLibc: LIBC.test(module),
        inGo: go.has(module),
      };
    });
}

/** The rows of the timeline, and how many benign ones are not among them. */
export function timelineOf(
  told: Told,
  clock: Clock,
  { box, came, roles }: { box: Box; came: readonly Came[]; roles: ReadonlyMap<number, Judged> },
): { timeline: SignalEvent[]; omitted: number } {
  const benign = came.filter(({ record }) => roles.get(record.id)?.role === "benign");
  const others = came.filter(({ record }) => roles.get(record.id)?.role !== "benign");
  const dropped = new Set([...benign.slice(BENIGN_KEPT, -BENIGN_KEPT), ...others.slice(OTHERS_KEPT, -OTHERS_KEPT)]);
  const { signalsOmitted } = box.header.counters;
  return {
    timeline: came
      .filter((one) => !dropped.has(one))
      .map(({ record }) => eventOf(told, clock, { box, record, judged: roles.get(record.id) })),
    omitted: dropped.size + (signalsOmitted > 1_000_000_000n ? 0 : Number(signalsOmitted)),
  };
}

function eventOf(
  { boxes, symbols }: Told,
  clock: Clock,
  { box, record, judged }: { box: Box; record: SignalRecord; judged: Judged | undefined },
): SignalEvent {
  const pc = record.registers[REGISTER.rip] ?? 0n;
  const module = boxes.moduleAt(box, pc, record.order);
  return {
    id: record.id,
    atMs: clock.ofMonotonic(record.monotonic),
    pid: box.header.pid,
    tid: record.tid,
    threadName: record.threadName === "" ? null : record.threadName,
    signal: infoOf(record),
    disposition:
      record.disposition === "handler"
        ? "caught"
        : record.disposition === "ignore"
          ? "ignored"
          : record.disposition === null
            ? "unknown"
            : "default",
    pc: `0x${pc.toString(16)}`,
    module: module?.path ?? null,
    function: module === null ? null : (symbols.at(module.path, pc - module.base).at(-1)?.function ?? null),
    role: judged?.role ?? "open",
    of: judged?.of ?? null,
    why: judged?.why ?? "",
  };
}
