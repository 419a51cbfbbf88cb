import { describe, expect, it } from "vitest";
import { decoded, END, OPTIONS, TRAMPOLINE } from "./decoding.js";
import { counts, error, FINISHED, fatal, frame, log } from "./memcheck-xml.js";

/** What valgrind's log says with --trace-signals=yes of a fault at 0x48b8bd5. */
const raised = (code: number): string =>
  `sync signal handler: signal=11, si_code=${code}, EIP=0x48b8bd5, eip=0x1003, from kernel`;
const faulted = (address: string): string => `SIGSEGV: si_code=1 faultaddr=${address} tid=1 ESP=0x1fff000108 seg=NULL`;

describe("a death in a signal handler", () => {
  const delivered = (code: number): string => `--100-- delivering signal 11 (SIGSEGV):${code} to thread 1`;
  const below = [frame("get", { ip: "0x48B8BD4" }), frame("main", { ip: "0x10A565", obj: "/app/host" })];

  it.each([
    ["0x48b8bd5 and an address", `--100-- ${raised(2)}\n--100-- ${faulted("0x4854000")}\n`, 2, "forbidden-access"],
    ["no place, as it is valgrind's own", "", 128, "misaligned-access"],
  ])("that a handler raised again is the fault of which the log has %s", (_name, before, code, mistake) => {
    const above = [frame("raise", { ip: "0x99", obj: "/usr/lib/libc.so.6" }), frame("on_fault", { ip: "0x88" })];
    const stack = [...above, TRAMPOLINE, ...below];
    const stumbled = error("UninitCondition", [
      ["Conditional jump", frame("on_fault", { ip: "0x87" }), TRAMPOLINE, ...below],
    ]);
    const more = { "valgrind.log.2": log(100, ["/app/host"], `${before}${delivered(code)}`) };
    const { checkerErrors } = decoded(stumbled + fatal("SIGSEGV", 11, -6, null, ...stack) + FINISHED, more);
    expect(checkerErrors).toMatchObject([{ mistake, fatal: true, signal: { name: "SIGSEGV", code } }]);
    expect(checkerErrors[0]?.stacks[0]?.frames.map(({ function: name }) => name)).toEqual(["get", "main"]);
  });
});

describe("an access whose fault a handler took", () => {
  const probe = error("InvalidRead", [
    ["Invalid read of size 1", frame("probe_page", { ip: "0x48B8BD5" })],
    ["Address 0x4854000 is not stack'd, malloc'd or (recently) free'd"],
  ]);
  const taken = `--100-- ${raised(1)}\n--100-- ${faulted("0x4854000")}\n--100-- delivering signal 11 (SIGSEGV):1 to thread 2\n`;
  const RETURN = "--100-- VG_(signal_return) (thread 2): isRT=1 valid magic; RIP=0x48b8bd5\n";

  it.each([
    ["its handler returned, and it ended by a status of its own", 7, taken + RETURN, 1, 0],
    ["it jumped out of its handler, and ended well", 0, taken, 1, 0],
    ["it jumped out of its handler and faulted there again", 7, taken, 2, 0],
    ["its handler may have ended it", 7, taken, 1, 1],
    ["it raised no fault at all", 0, "", 1, 1],
    ["only another thread's handler returned", 7, taken + RETURN.replace("thread 2", "thread 3"), 1, 1],
    ["valgrind itself took care of it", 0, taken.replace(/--100-- delivering.*\n/, ""), 1, 1],
  ])(
    "an access to nothing's memory is told or not by what became of the process: %s",
    (_name, exitCode, said, seen, told) => {
      const end = { ...END, outcome: { exitCode, signal: null, timedOut: false } };
      const body = probe + FINISHED + counts({ "0x0": seen });
      const { checkerErrors, coverage } = decoded(
        body,
        { "valgrind.log.2": log(100, ["/app/host"], said) },
        OPTIONS,
        end,
      );
      expect(checkerErrors).toHaveLength(told);
      expect(coverage.flatMap(({ notShown }) => notShown)).toHaveLength(1 - told);
    },
  );

  it("a call before an access that faulted, and was handled, is no handler: its errors are told", () => {
    const caller = frame("get", { ip: "0x48B8BD4" });
    const inCall = error("UninitCondition", [["Conditional jump", frame("find", { ip: "0x48B7000" }), caller]]);
    const body =
      inCall + probe.replace("0x0<", "0x1<") + inCall.replace("0x0<", "0x2<").replace("0x48B7000", "0x48B7010");
    const { checkerErrors } = decoded(body + FINISHED, { "valgrind.log.2": log(100, ["/app/host"], taken + RETURN) });
    expect(checkerErrors.map(({ mistake }) => mistake)).toEqual(["uninitialized", "uninitialized"]);
  });
});
