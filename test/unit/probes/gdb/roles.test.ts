import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RawFrame } from "../../../../src/probes/gdb/records.js";
import { assignRoles, type RoleInput } from "../../../../src/probes/gdb/roles.js";

const PID = 100;
const EXE = "/app/host";
const LIB = "/app/lib.so";

function frames(...names: string[]): RawFrame[] {
  return names.map((name, i) =>
    name === "<signal>" ? { pc: `0x${i + 1}0`, kind: "signal" } : { pc: `0x${i + 1}0`, fn: name },
  );
}

function event(id: number, more: Partial<RoleInput> = {}): RoleInput {
  return {
    id,
    pid: PID,
    kind: "signal",
    tid: 1,
    goroutine: null,
    pc: "0x7f10",
    sp: "0x7ffe00",
    signal: "SIGSEGV",
    code: 1,
    sender: null,
    disposition: "caught",
    module: LIB,
    executable: EXE,
    frames: [],
    siginfo: { code: more.code ?? 1 },
    ...more,
  };
}

const aborts = (id: number, more: Partial<RoleInput> = {}): RoleInput =>
  event(id, { signal: "SIGABRT", code: -6, sender: PID, module: "/lib/libc.so.6", disposition: "default", ...more });

const roles = (events: RoleInput[], status: number | null = null) => {
  const verdict = assignRoles(events, status);
  return { pick: verdict.pick, terminal: verdict.terminal, roles: verdict.events.map(({ role }) => role) };
};

describe("which event a process died of", () => {
  it("is the uncaught one", () => {
    expect(roles([event(0, { disposition: "default" })])).toEqual({ pick: 0, terminal: 0, roles: ["first-hand"] });
  });

  it("is none when all were handled", () => {
    expect(roles([event(0), event(1, { pc: "0x1" })], 0)).toEqual({
      pick: null,
      terminal: null,
      roles: ["benign", "benign"],
    });
  });

  it("is the fault that Node raises again with its handler gone", () => {
    const again = event(1, { disposition: "default", code: -6, sender: PID });
    expect(roles([event(0), again])).toEqual({ pick: 0, terminal: 1, roles: ["first-hand", "reraise"] });
  });

  it("is the fault that happens again when a handler puts the default back and returns", () => {
    expect(roles([event(0), event(1, { disposition: "default" })])).toEqual({
      pick: 0,
      terminal: 1,
      roles: ["first-hand", "reraise"],
    });
  });

  it("is not a benign trap before it", () => {
    const trap = event(0, { pc: "0x1", sp: "0x2", module: "" });
    expect(roles([trap, trap, event(1, { disposition: "default" })].map((e, id) => ({ ...e, id })))).toEqual({
      pick: 2,
      terminal: 2,
      roles: ["benign", "benign", "first-hand"],
    });
  });

  it("is the outer fault when a crash reporter faults itself", () => {
    const inner = event(1, {
      pc: "0x99",
      disposition: "default",
      frames: [
        { pc: "0x99", fn: "reporter" },
        { pc: "0x88", kind: "signal" },
        { pc: "0x7f10", fn: "victim" },
      ],
    });
    expect(roles([event(0), inner])).toEqual({ pick: 0, terminal: 1, roles: ["first-hand", "nested"] });
  });

  it("is the fault below the handler that aborts", () => {
    const abort = aborts(1, {
      frames: [
        { pc: "0x1", fn: "abort" },
        { pc: "0x2", kind: "signal" },
        { pc: "0x7f10", fn: "victim" },
      ],
    });
    expect(roles([event(0), abort])).toEqual({ pick: 0, terminal: 1, roles: ["first-hand", "abort"] });
  });

  it("is the fault that Go gave up on", () => {
    const exit = event(1, {
      kind: "exit",
      signal: "",
      disposition: "unknown",
      code: 0,
      frames: [
        { pc: "0x1", fn: "runtime.exit" },
        { pc: "0x2", kind: "signal" },
        { pc: "0x7f10", fn: "lib" },
      ],
    });
    expect(roles([event(0), exit], 2)).toEqual({ pick: 0, terminal: 1, roles: ["first-hand", "abort"] });
  });

  it("is Go's own panic, not a trap that was recovered before", () => {
    const trap = event(0, { module: EXE });
    const exit = event(1, {
      kind: "exit",
      signal: "",
      disposition: "unknown",
      code: 0,
      frames: frames("runtime.exit", "runtime.fatalpanic", "runtime.gopanic", "main.main"),
    });
    expect(roles([trap, exit], 2)).toEqual({ pick: 1, terminal: 1, roles: ["benign", "first-hand"] });
  });

  it("is the panic when its abort comes from a frame that cannot unwind", () => {
    const panic = event(0, { kind: "panic", signal: "", disposition: "unknown", code: 0 });
    const abort = aborts(1, { frames: frames("abort", "core::panicking::panic_cannot_unwind", "fds_scan_open") });
    expect(roles([panic, abort])).toEqual({ pick: 0, terminal: 1, roles: ["panic", "abort"] });
  });

  it("is the panic, too, when unwinding could not even begin", () => {
    const panic = event(0, { kind: "panic", signal: "", disposition: "unknown", code: 0 });
    const abort = aborts(1, { frames: frames("abort", "std::process::abort", "__rustc::rust_panic", "f") });
    expect(roles([panic, abort]).pick).toBe(0);
  });

  it("is not a panic that was caught", () => {
    const panic = event(0, { kind: "panic", signal: "", disposition: "unknown", code: 0 });
    expect(roles([panic, event(1, { disposition: "default" })])).toEqual({
      pick: 1,
      terminal: 1,
      roles: ["benign", "first-hand"],
    });
  });

  it("says of a signal from another process that it was sent", () => {
    const sent = event(0, { disposition: "default", code: 0, sender: 7 });
    expect(roles([sent]).roles).toEqual(["sent"]);
    expect(roles([{ ...sent, sender: PID }]).roles).toEqual(["first-hand"]);
  });

  it("is the last fault in foreign code when a stripped Go program ends with status 2", () => {
    expect(roles([event(0)], 2)).toEqual({ pick: 0, terminal: 0, roles: ["first-hand"] });
    expect(roles([event(0, { module: EXE })], 2).pick).toBeNull();
    expect(roles([event(0)], 0).pick).toBeNull();
  });

  it("is the fault whose handler hangs, when the process had to be stopped in it", () => {
    const stopped = event(1, {
      kind: "stopped",
      signal: "",
      disposition: "unknown",
      code: 0,
      frames: [
        { pc: "0x1", fn: "lock_wait" },
        { pc: "0x2", kind: "signal" },
        { pc: "0x7f10", fn: "victim" },
      ],
    });
    expect(roles([event(0), stopped])).toEqual({ pick: 0, terminal: 1, roles: ["first-hand", "abort"] });
    expect(roles([event(0), { ...stopped, frames: frames("poll", "main") }]).pick).toBeNull();
  });

  describe("of a goroutine that another thread ended", () => {
    const ends = (id: number, goroutine: number | null): RoleInput => {
      const stack = frames("runtime.exit", "runtime.gopanic", "runtime.sigpanic", "main.checksum");
      return event(id, { kind: "exit", tid: 2, goroutine, code: 0, pc: "0x1", frames: stack });
    };
    const fault = (goroutine: number | null): RoleInput => event(0, { goroutine, pc: "0x40" });

    it("is its fault on the thread it ran on then", () => {
      const expected = { pick: 0, terminal: 1, roles: ["first-hand", "abort"] };
      expect(roles([fault(19), ends(1, 19)], 2)).toEqual(expected);
      expect(roles([fault(null), ends(1, 19)], 2)).toEqual(expected);
    });

    it("is not another goroutine's, or one elsewhere", () => {
      const expected = { pick: 1, terminal: 1, roles: ["benign", "first-hand"] };
      expect(roles([fault(7), ends(1, 19)], 2)).toEqual(expected);
      expect(roles([{ ...fault(19), pc: "0x10" }, ends(1, 19)], 2)).toEqual(expected);
    });
  });

  describe("of which a Go runtime ended that found something wrong", () => {
    const throws = (id: number, ...below: string[]): RoleInput =>
      event(id, {
        kind: "exit",
        tid: 2,
        goroutine: 19,
        code: 0,
        frames: frames("runtime.exit", "runtime.fatalthrow", "runtime.throw", ...below),
      });

    it("is the last fault of that goroutine, where its stack was lost", () => {
      const [own, other] = [event(0, { goroutine: 19, pc: "0x40" }), event(1, { goroutine: 7, tid: 2 })];
      expect(roles([own, other, throws(2, "runtime.morestack")], 2)).toMatchObject({ pick: 0, terminal: 2 });
    });

    it("is the end itself, where the whole stack shows no fault", () => {
      const whole = throws(1, "main.f", "runtime.goexit");
      expect(roles([event(0, { tid: 2 }), whole], 2)).toEqual({
        pick: 1,
        terminal: 1,
        roles: ["benign", "first-hand"],
      });
    });
  });

  it("is one event at most, with a role for each, whatever came", () => {
    const any = fc.record({
      kind: fc.constantFrom("signal", "panic", "exit", "stopped") as fc.Arbitrary<RoleInput["kind"]>,
      tid: fc.integer({ min: 1, max: 3 }),
      goroutine: fc.constantFrom(null, 1, 2),
      pc: fc.constantFrom("0x10", "0x20", "0x7f10"),
      signal: fc.constantFrom("SIGSEGV", "SIGABRT", ""),
      code: fc.constantFrom(-6, 0, 1, 128),
      disposition: fc.constantFrom("default", "caught", "ignored", "unknown") as fc.Arbitrary<RoleInput["disposition"]>,
      frames: fc
        .array(fc.constantFrom("<signal>", "f", "runtime.gopanic", "runtime.sigpanic", "runtime.fatalthrow"), {
          maxLength: 6,
        })
        .map((names) => frames(...names)),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 12 }), fc.constantFrom(null, 0, 2), (raw, status) => {
        const events = raw.map((more, id) => event(id, more));
        const verdict = assignRoles(events, status);
        expect(verdict.events.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
        expect(verdict.events.filter(({ of, id }) => of !== null && of >= id)).toEqual([]);
        expect(verdict.events.filter(({ role }) => role === "first-hand").length).toBeLessThanOrEqual(1);
      }),
    );
  });
});
