import { describe, expect, it } from "vitest";
import type { ExitRecord, SignalRecord } from "../../../../src/probes/blackbox/records.js";
import { REGISTER } from "../../../../src/probes/recorder/registers.js";
import { NAMES } from "../../../../src/probes/recorder/signals.js";
import { type Came, type Ended, verdictOf } from "../../../../src/probes/recorder/verdict.js";

// The rows are what was measured of the hosts' own handlers: who returns, who raises again, who aborts.

const PID = 100;
const SEGV = 11;
const ABRT = 6;

let next = 0;
function came(
  state: SignalRecord["state"],
  more: Partial<SignalRecord> & { sp?: bigint; inLibc?: boolean; inGo?: boolean } = {},
): Came {
  next += 1;
  const { sp = 0x7ffc1000n, inLibc = false, inGo = false, ...record } = more;
  const registers = Array.from({ length: 23 }, () => 0n);
  registers[REGISTER.rsp] = sp;
  const number = record.number ?? SEGV;
  return {
    record: {
      monotonic: BigInt(next),
      tid: PID,
      order: next,
      id: next,
      code: 1,
      senderPid: 0,
      address: 0x18n,
      handler: 0n,
      handlerFlags: 0,
      disposition: state === "terminal" ? "default" : "handler",
      state,
      parent: 0,
      blocked: false,
      stack: 0,
      registers,
      threadName: "",
      ...record,
      number,
    },
    name: NAMES[number] ?? null,
    inLibc,
    inGo,
  };
}

function end(more: Partial<Ended>): Ended {
  return { pid: PID, signal: null, exitCode: null, exit: null, goExit: null, go: false, ...more };
}

function exit(how: ExitRecord["how"], tid = PID): ExitRecord {
  return { monotonic: 0n, order: 9999, tid, how, status: 1, caller: 0n };
}

const picked = (signals: Came[], ended: Partial<Ended>): unknown => {
  const { pick, terminal, roles } = verdictOf(signals, end(ended));
  const place = (id: number | null) => (id === null ? null : signals.findIndex(({ record }) => record.id === id));
  return [place(pick), place(terminal), signals.map(({ record }) => roles.get(record.id)?.role)];
};

describe("the signal that a process died of", () => {
  it("is the one whose default action followed", () => {
    expect(picked([came("redirected"), came("terminal")], { signal: "SIGSEGV" })).toEqual([
      1,
      1,
      ["benign", "first-hand"],
    ]);
  });

  it("is none where the program went on and ended well, or by a signal that is no fault", () => {
    expect(picked([came("redirected"), came("abandoned")], { exitCode: 0, exit: exit("exit") })).toEqual([
      null,
      null,
      ["benign", "benign"],
    ]);
    expect(picked([came("redirected")], { signal: "SIGKILL" })).toEqual([null, null, ["benign"]]);
    expect(picked([], { exitCode: 7, exit: exit("exit") })).toEqual([null, null, []]);
  });

  it("is the first of V8's two: its handler puts the default back, raises it again and returns", () => {
    const first = came("open");
    const again = came("terminal", { code: -6, senderPid: PID, parent: first.record.id, sp: 1n });
    expect(picked([first, again], { signal: "SIGSEGV" })).toEqual([0, 1, ["first-hand", "reraise"]]);
    const returned = came("defaulted");
    expect(picked([returned, came("terminal", { code: -6, senderPid: PID })], { signal: "SIGSEGV" })).toEqual([
      0,
      1,
      ["first-hand", "reraise"],
    ]);
  });

  it("is the first of Rust's two: its handler puts the default back, and the fault comes again", () => {
    expect(picked([came("defaulted"), came("terminal")], { signal: "SIGSEGV" })).toEqual([
      0,
      1,
      ["first-hand", "reraise"],
    ]);
  });

  it("is the fault in whose handler the JVM aborted, and none of those that its reporter stumbled over", () => {
    const fault = came("open");
    const stumbled = came("redirected", { parent: fault.record.id });
    const abort = came("terminal", { number: ABRT, code: -6, senderPid: PID, parent: fault.record.id, inLibc: true });
    expect(picked([came("redirected"), fault, stumbled, abort], { signal: "SIGABRT" })).toEqual([
      1,
      3,
      ["benign", "first-hand", "benign", "abort"],
    ]);
  });

  it("is the fault below a fault of its own handler", () => {
    const fault = came("open");
    const inHandler = came("terminal", { parent: fault.record.id, number: 7 });
    expect(picked([fault, inHandler], { signal: "SIGBUS" })).toEqual([0, 1, ["first-hand", "nested"]]);
  });

  it("is the fault that Go gave up on, on whichever thread it aborts", () => {
    const own = came("redirected", { inGo: true });
    const foreign = came("redirected", { tid: 7 });
    const raised = came("terminal", { number: ABRT, code: -6, senderPid: PID, tid: 9, inGo: true });
    expect(picked([own, foreign, raised], { signal: "SIGABRT" })).toEqual([1, 2, ["benign", "first-hand", "abort"]]);
  });

  it("of a Go program that ends by exit is told by who called that", () => {
    const go = { exitCode: 2, exit: exit("go"), go: true };
    const fault = came("redirected");
    expect(picked([fault], { ...go, goExit: "runtime.fatalpanic.func2" })).toEqual([0, 0, ["first-hand"]]);
    expect(picked([fault], { ...go, goExit: "syscall.Exit" })).toEqual([null, null, ["benign"]]);
    expect(picked([fault], { ...go, goExit: "runtime.main" })).toEqual([null, null, ["benign"]]);
    expect(picked([], { ...go, goExit: "runtime.fatalpanic.func2" })).toEqual([null, null, []]);
  });

  it("is the fault whose handler ended the process by exit", () => {
    expect(picked([came("open")], { exitCode: 11, exit: exit("now") })).toEqual([0, 0, ["first-hand"]]);
    expect(picked([came("open", { tid: 7 })], { exitCode: 11, exit: exit("now") })).toEqual([null, null, ["open"]]);
    expect(picked([came("open")], { exitCode: 5 })).toEqual([0, 0, ["first-hand"]]);
  });

  it("is the last one that was not come out of, where the kernel ended the process in a handler", () => {
    expect(picked([came("redirected"), came("open")], { signal: "SIGSEGV" })).toEqual([1, 1, ["benign", "first-hand"]]);
  });

  it("may have been sent by another process", () => {
    expect(picked([came("terminal", { code: 0, senderPid: 1 })], { signal: "SIGSEGV" })).toEqual([0, 0, ["sent"]]);
    expect(picked([came("terminal", { code: 0, senderPid: PID })], { signal: "SIGSEGV" })).toEqual([
      0,
      0,
      ["first-hand"],
    ]);
  });

  it("of a child whose end nobody told is what its own box says", () => {
    expect(picked([came("terminal")], {})).toEqual([0, 0, ["first-hand"]]);
    expect(picked([came("redirected")], {})).toEqual([null, null, ["benign"]]);
  });

  it("is found without end whatever the links say", () => {
    const one = came("open");
    const two = came("open", { parent: one.record.id });
    one.record.parent = two.record.id;
    expect(picked([one, two], { signal: "SIGSEGV" })).toHaveLength(3);
  });
});
