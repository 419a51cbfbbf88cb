import { describe, expect, it } from "vitest";
import { diagnose } from "../../../src/diagnose/engine.js";
import type { CheckerError } from "../../../src/model/checker-error.js";
import type { Finding } from "../../../src/model/finding.js";
import { checkerError, FREE, inLibrary, MAIN } from "./checker-errors.js";
import { evidence, frame } from "./crashes.js";

const found = (error: CheckerError): Finding | undefined => diagnose(evidence({ checkerErrors: [error] }))[0];
const at = (address: string) => ({
  access: { kind: "read" as const, size: 4, address, addressFrom: "kernel" as const, base: null, displacement: null },
});

describe("the place of a mistake", () => {
  it.each([
    "bool std::operator==<char, std::char_traits<char> >(std::string const&, char const*)",
    "void std::vector<int, std::allocator<int> >::emplace_back<int>(int&&)",
    "std::enable_if<true, int>::type std::__invoke<int>(int&&)",
    "__gnu_cxx::__normal_iterator<int*, std::vector<int> >::operator*() const",
  ])("is the program's own, not what C++'s library inlined: %s", (name) => {
    const error = checkerError("freed-access", { fault: [frame({ function: name }), inLibrary("fill", true), MAIN] });
    expect(found(error)?.title).toContain("in fill (store.c:12)");
  });

  it("is a function of the program's that takes or gives what is C++'s library's", () => {
    const name = "std::vector<int> parse(std::string const&)";
    const error = checkerError("freed-access", { fault: [frame({ function: name }), inLibrary("fill", true), MAIN] });
    expect(found(error)?.title).toContain("in std::vector<int> parse(std::string const&) (store.c:12)");
  });

  it.each([
    ["_cgo_65bfde2259cf_Cfunc_peek", "C.peek"],
    ["_cgo_65bfde2259cf_C2func_peek", "C.peek"],
    ["_cgo_65bfde2259cf_Cfunc__Cmalloc", "C.malloc"],
  ])("is told as a Go program writes it: %s", (name, told) => {
    const fault = [frame({ function: name, side: "binding", file: "/src/main.go", line: 6 })];
    expect(found(checkerError("freed-access", { fault }))?.title).toContain(`in ${told} (main.go:6)`);
  });

  it("is told in words where Go called a function of C's that freed last", () => {
    const last = frame({ function: "runtime.asmcgocall", side: "binding", file: "/go/asm_amd64.s", line: 995 });
    expect(found(checkerError("double-free", { fault: [FREE, last], free: [FREE, last] }))?.title).toBe(
      "A block was freed twice; the second free is in C code that Go called",
    );
  });
});

describe("what comes next", () => {
  const wild = { ...at("0x602000010000"), probe: "asan" as const, checker: "AddressSanitizer" };

  it("is valgrind, where a sanitizer saw no more than a bad address", () => {
    const steps = found(checkerError("unmapped-access", {}, wild))?.nextSteps.map(({ command }) => command);
    expect(steps?.[0]).toBe("ffi-doctor valgrind -- /app/host");
    const byValgrind = found(checkerError("unmapped-access", {}, at("0x602000010000")));
    expect(byValgrind?.nextSteps.map(({ command }) => command)).toEqual(["ffi-doctor explain wild-pointer"]);
  });

  it("is gdb-capture, where the program's last words tell why it gave up", () => {
    const signal = {
      name: "SIGABRT",
      number: 6,
      code: -6,
      codeName: "SI_TKILL",
      address: null,
      forged: true,
      senderPid: null,
    };
    const more = { signal, access: null, fatal: true };
    const abort = checkerError("fatal-signal", {}, more);
    expect(found(abort)?.nextSteps[0]?.command).toBe("ffi-doctor gdb-capture -- /app/host");
  });

  it("is gdb-capture, where nothing is known but that the process died", () => {
    const signal = {
      name: "SIGSEGV",
      number: 11,
      code: 0,
      codeName: "unknown",
      address: null,
      forged: false,
      senderPid: null,
    };
    const died = checkerError("fatal-signal", { fault: [] }, { signal, access: null, fatal: true, probe: "asan" });
    expect(found(died)?.nextSteps[0]?.command).toBe("ffi-doctor gdb-capture -- /app/host");
  });

  it("names a block's two frees at one place once", () => {
    const twice = [FREE, inLibrary("store_close", true), MAIN];
    const [step] = found(checkerError("double-free", { fault: twice, free: twice }))?.nextSteps ?? [];
    expect(step?.why).toBe(
      "see which two paths come to store_close (store.c:12), let one of them own the block, and have the other forget the pointer",
    );
  });
});
