import { describe, expect, it } from "vitest";
import { decodeCore } from "../../../../src/probes/core/decode.js";
import { recordingOf } from "../../../golden/recording-of.js";

const PID = 100;
const EXE = "/src/host";
const END = {
  pid: null,
  outcome: { exitCode: null, signal: null, timedOut: false },
  tool: { exitCode: 0, signal: null },
  leftRunning: [],
  attached: false,
};

type Fields = Record<string, unknown>;

const frame = (fn: string | null, pc: string, more: Fields = {}): Fields => ({ pc, fn, mod: EXE, ...more });

function stop(ev: number, tid: number, fields: Fields): Fields {
  const frames = (fields["frames"] as Fields[] | undefined) ?? [frame("fault", "0x1000")];
  return {
    k: "stop",
    t: 1,
    ev,
    pid: PID,
    tid,
    exe: EXE,
    sig: "SIGSEGV",
    si: { signo: 11, code: 1, addr: "0x18589091b1" },
    disp: "default",
    pc: frames[0]?.["pc"],
    mod: EXE,
    regs: { rsp: "0x7000", rip: "0x1000" },
    heavy: true,
    frames,
    ...fields,
  };
}

function decode(...records: Fields[]) {
  const head = [
    { k: "attached", t: 0, pid: PID, gdb: "13.1", machine: "x86-64" },
    { k: "process", t: 0, pid: PID, parent: null, exe: EXE, argv: ["host"], argc: 1 },
  ];
  const tail = { k: "end", t: 9, stops: 1, full: false };
  const text = [...head, ...records, tail].map((record) => JSON.stringify(record)).join("\n");
  return decodeCore(recordingOf({ "gdb.jsonl": text }), END);
}

const died = (ev: number): Fields => ({ k: "terminal", t: 2, ev, pid: PID });
const sentByItself = { signo: 11, code: -6, sender: PID };
const abortSent = { sig: "SIGABRT", si: { signo: 6, code: -6, sender: PID } };

describe("a core", () => {
  it("is first-hand where the kernel's own siginfo is in it", () => {
    const { crashes, obstacles, lost } = decode(stop(0, 1, {}), died(0));
    expect(crashes[0]?.core).toMatchObject({ firstHand: true, recovered: true });
    expect(crashes[0]?.signal).toMatchObject({ address: "0x18589091b1", forged: false });
    expect({ obstacles, lost }).toEqual({ obstacles: [], lost: null });
  });

  it("is second-hand, its address lost and never the pid in its place, where the signal was raised again", () => {
    const { crashes, coverage } = decode(stop(0, 1, { si: sentByItself }), died(0));
    expect(crashes[0]?.core).toMatchObject({ firstHand: false, recovered: false });
    expect(crashes[0]?.core?.reason).toContain(`the siginfo has the sender's pid ${PID} in its place`);
    expect(crashes[0]?.signal).toMatchObject({ address: null, forged: true });
    expect(coverage.flatMap(({ blindSpots }) => blindSpots)[0]).toMatchObject({
      what: "the fault as it first was: this core is second-hand",
      mend: "ffi-doctor gdb-capture -- <command>",
    });
  });

  it("is second-hand and recovered where the handler's frame is still there", () => {
    const before = stop(0, 1, { disp: "caught", source: "returned" });
    const { crashes } = decode(before, stop(1, 1, { si: sentByItself }), died(1));
    expect(crashes[0]?.core).toMatchObject({ firstHand: false, recovered: true });
    expect(crashes[0]?.timeline.map(({ role }) => role)).toEqual(["first-hand", "reraise"]);
    expect(crashes[0]?.signal.address).toBe("0x18589091b1");
  });

  it("that does not say what it is has no verdict of its own", () => {
    const { crashes } = decode(stop(0, 1, { si: { error: "no siginfo" } }), died(0));
    expect(crashes[0]?.core).toMatchObject({ firstHand: false, recovered: false });
    expect(crashes[0]?.core?.reason).toContain("it holds no siginfo");
  });

  it("is first-hand where the process ended itself, and not where a handler had it do so", () => {
    const raise = frame("__pthread_kill_implementation", "0x2000");
    const plain = decode(stop(0, 1, { ...abortSent, frames: [raise, frame("give_up", "0x3000")] }), died(0));
    expect(plain.crashes[0]?.core).toMatchObject({
      firstHand: true,
      reason: "the process ended itself (give_up), and no handler ran before",
    });
    const frames = [raise, frame("runtime.sighandler", "0x3000")];
    const handled = decode(stop(0, 1, { ...abortSent, frames }), died(0));
    expect(handled.crashes[0]?.core).toMatchObject({ firstHand: false, recovered: false });
  });

  it("goes back to the thread that stands in the handler of its fault", () => {
    const elsewhere = stop(1, 2, { disp: "caught", source: "trampoline" });
    const { crashes } = decode(stop(0, 1, abortSent), died(0), elsewhere);
    expect(crashes[0]?.core?.reason).toContain("on the stack of thread 2, and thread 1 is the one that died");
    expect(crashes[0]?.threads.find(({ faulting }) => faulting)?.tid).toBe(2);
    expect(crashes[0]?.timeline.map(({ tid, role }) => [tid, role])).toEqual([
      [2, "first-hand"],
      [1, "abort"],
    ]);
  });

  it("does not go back to a thread in a handler from a fault of its own", () => {
    const elsewhere = stop(1, 2, { disp: "caught", source: "trampoline", frames: [frame("poll", "0x5000")] });
    const { crashes } = decode(stop(0, 1, {}), died(0), elsewhere);
    expect(crashes[0]?.core?.firstHand).toBe(true);
    expect(crashes[0]?.threads.find(({ faulting }) => faulting)?.tid).toBe(1);
  });

  it("does not go back to a thread in a handler from a panic of Go's", () => {
    const elsewhere = stop(1, 2, { disp: "caught", source: "trampoline" });
    const frames = [frame("runtime.raise", "0x2000"), frame("runtime.gopanic", "0x3000")];
    const { crashes } = decode(stop(0, 1, { ...abortSent, frames }), died(0), elsewhere);
    expect(crashes[0]?.threads.find(({ faulting }) => faulting)?.tid).toBe(1);
  });

  it("gives to each event what is told once", () => {
    const before = stop(0, 1, { disp: "caught", source: "trampoline" });
    const frames = [frame("raise", "0x2000"), frame(null, "0x2100", { kind: "signal" }), frame("fault", "0x1000")];
    const maps = { k: "maps", t: 3, ev: 1, rows: [["0x1000", "0x2000", "r-xp", "0x0", EXE]] };
    const { crashes } = decode(before, stop(1, 1, { ...abortSent, frames }), died(1), maps);
    expect(crashes[0]?.pick).toBe(0);
    expect(crashes[0]?.maps).toHaveLength(1);
  });
});

describe("a core without a crash", () => {
  it("says who killed the process", () => {
    const si = { signo: 11, code: 0, sender: 7 };
    const { crashes, obstacles } = decode(stop(0, 1, { si }), died(0));
    expect(crashes[0]?.terminal).toBeNull();
    expect(obstacles?.[0]?.what).toBe("the process did not crash: SIGSEGV was sent to it by process 7");
    const quit = decode(stop(0, 1, { sig: "SIGQUIT", si: { signo: 3, code: 128, addr: "0x0" } }), died(0));
    expect(quit.obstacles?.[0]?.what).toBe("the process did not crash: SIGQUIT was sent to it");
  });

  it("says that the process was alive", () => {
    const alive = { k: "interrupted", t: 1, ev: 0, pid: PID, tid: 1, exe: EXE, pc: "0x1000" };
    const { crashes, obstacles } = decode(alive);
    expect(crashes[0]).toMatchObject({ terminal: null, core: null });
    expect(obstacles?.[0]?.what).toBe("the process had not died when this core was taken");
  });

  it("is never clean for want of a recording", () => {
    const nothing = decodeCore(recordingOf({}), END);
    expect(nothing.lost).toBe("gdb recorded nothing");
    const refused = decode({ k: "refused", t: 1, why: "gdb found no thread in it" });
    expect(refused.obstacles).toMatchObject([{ what: "gdb could not read the core" }]);
  });

  it("tells what ffi-doctor saw missing before gdb looked", () => {
    const spot = { k: "warning", t: 0, what: "memory", why: "the file is cut", mend: "ulimit -c unlimited" };
    expect(decode(spot, stop(0, 1, {}), died(0)).coverage[0]?.blindSpots).toEqual([
      { what: "memory", why: "the file is cut", mend: "ulimit -c unlimited" },
    ]);
  });
});
