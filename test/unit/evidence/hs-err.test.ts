import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHsErr } from "../../../src/evidence/hs-err.js";

const REPORT = `#
# A fatal error has been detected by the Java Runtime Environment:
#
#  SIGSEGV (0xb) at pc=0x00007f4bd0dd9f2c, pid=4711, tid=4712
#
# JRE version: OpenJDK Runtime Environment (17.0.15+6) (build 17.0.15+6-Debian-1deb12u1)
# Problematic frame:
# C  [libstore.so+0x79f2c]  store_read+0x2c
#

Native frames: (J=compiled Java code, A=aot compiled Java code, j=interpreted, Vv=VM code, C=native code)
C  [libstore.so+0x79f2c]  store_read+0x2c

Java frames: (J=compiled Java code, j=interpreted, Vv=VM code)
j  inventory.Store.get(J[BLinventory/Block;)I+0
j  inventory.Compaction.readBlock(Linventory/BlockStore;Ljava/lang/String;)I+12
J 42 c1 inventory.Main.run(Linventory/Options;)V (7 bytes) @ 0x00007f [0x00007f+0x2c]
v  ~StubRoutines::call_stub

siginfo: si_signo: 11 (SIGSEGV), si_code: 1 (SEGV_MAPERR), si_addr: 0x00000018589091b1
`;

describe("a JVM's error report", () => {
  it("has the frame that it takes for the place, and Java's frames", () => {
    expect(parseHsErr(REPORT, "raw/gdb-0/hs_err_pid4711.log")).toEqual({
      from: "the JVM's error report",
      file: "raw/gdb-0/hs_err_pid4711.log",
      frame: "C  [libstore.so+0x79f2c]  store_read+0x2c",
      scriptFrames: ["inventory.Store.get", "inventory.Compaction.readBlock", "inventory.Main.run"],
    });
  });

  it("is null for a text that is none", () => {
    expect(parseHsErr("# Problematic", "x")).toBeNull();
    expect(parseHsErr("", "x")).toBeNull();
  });

  it("is read without a throw wherever it is cut or changed", () => {
    fc.assert(
      fc.property(fc.nat(REPORT.length), fc.nat(REPORT.length), fc.string(), (cut, at, junk) => {
        parseHsErr(REPORT.slice(0, cut), "x");
        parseHsErr(REPORT.slice(0, at) + junk + REPORT.slice(at + 1), "x");
      }),
    );
  });
});
