import { describe, expect, it } from "vitest";
import { joinCheckerError, selectErrors } from "../../../src/evidence/join-checker.js";
import type { CheckerError } from "../../../src/model/checker-error.js";
import type { FileFacts } from "../../../src/model/evidence.js";
import type { Frame } from "../../../src/model/frame.js";
import type { HostRuntime } from "../../../src/model/primitives.js";
import { checkerError, FREE, inLibrary, MAIN, MALLOC } from "../diagnose/checker-errors.js";
import { frame } from "../diagnose/crashes.js";

const LIBRARY = "/app/libstore.so";
const facts = (runtime: HostRuntime): Map<string, FileFacts> =>
  new Map(
    [
      { path: "/app/host", runtime },
      { path: LIBRARY, runtime: null },
    ].map((file) => [file.path, { ...file, soname: null, buildId: null, debugInfo: true, glue: null }]),
  );
const DEFAULT = { paths: new Set([LIBRARY]), exe: false, unmatched: [], explicit: false };
const OTHER = { paths: new Set(["/app/libother.so"]), exe: false, unmatched: [], explicit: true };
const inScope = (error: CheckerError, runtime: HostRuntime = "node", question = DEFAULT): boolean =>
  joinCheckerError(error, facts(runtime), question).inScope;

describe("an error is in scope", () => {
  const host = [frame({ function: "v8::Run", module: "/app/host" })];

  it("where a library in question stands in any of its stacks", () => {
    expect(inScope(checkerError("freed-access"))).toBe(true);
    expect(inScope(checkerError("uninitialized", { fault: host, origin: [MALLOC, inLibrary("store_new")] }))).toBe(
      true,
    );
    expect(inScope(checkerError("freed-access", { fault: host, free: [FREE, ...host] }))).toBe(false);
    expect(inScope(checkerError("freed-access"), "node", OTHER)).toBe(false);
  });

  it("where the user's own native program did it, unless --lib names something else", () => {
    const own = checkerError("freed-access", { fault: [MAIN] });
    expect(inScope(own, "c")).toBe(true);
    expect(inScope(own, "c", OTHER)).toBe(false);
    expect(inScope(own, "c", { ...OTHER, exe: true })).toBe(true);
  });

  it("where a Go program itself called C.malloc and C.free, of which only cgo's glue is left on the stack", () => {
    const glue = (name: string): Frame => frame({ function: name, module: "/app/host", file: "/tmp/cgo-gcc-prolog" });
    const switched = glue("runtime.asmcgocall.abi0");
    const alloc = [MALLOC, glue("_cgo_65bfde2259cf_Cfunc__Cmalloc"), switched];
    const twice = checkerError("double-free", { fault: [FREE, switched], free: [FREE, switched], alloc });
    expect(inScope(twice, "go")).toBe(true);
    expect(inScope(twice, "go", OTHER)).toBe(false);
    expect(inScope(twice, "node")).toBe(false);
    expect(inScope(checkerError("double-free", { fault: [FREE, switched], free: [FREE, switched] }), "go")).toBe(true);
    const lost = (frames: Frame[]): boolean =>
      inScope(checkerError("leak", { fault: [...frames, glue("_cgo_0c_C2func_getaddrinfo"), switched] }), "go");
    expect(lost([MALLOC, frame({ function: "strdup", module: "/lib/libc.so.6" })])).toBe(true);
    expect(lost([MALLOC, ...Array.from({ length: 13 }, () => frame({ module: "/lib/libc.so.6" }))])).toBe(false);
    const ofLibc = [frame({ function: "getaddrinfo", module: "/lib/libc.so.6" }), glue("_cgo_0c_C2func_getaddrinfo")];
    expect(inScope(checkerError("uninitialized", { fault: [...ofLibc, switched] }), "go")).toBe(false);
  });

  it("where a script freed or used a block by its binding alone, unless --lib names something", () => {
    const koffi = frame({ function: null, module: "/app/node_modules/koffi/koffi.node" });
    const alloc = [MALLOC, koffi];
    expect(inScope(checkerError("double-free", { fault: [FREE, koffi], free: [FREE, koffi], alloc }))).toBe(true);
    expect(inScope(checkerError("freed-access", { fault: [koffi], free: [FREE, koffi], alloc }))).toBe(true);
    expect(inScope(checkerError("freed-access", { fault: [koffi], free: [FREE, koffi] }), "node", OTHER)).toBe(false);
    expect(inScope(checkerError("uninitialized", { fault: [koffi] }))).toBe(false);
    expect(inScope(checkerError("freed-access", { fault: [...host, koffi], alloc }))).toBe(false);
  });

  it("not where Go's runtime moves a stack with slots that nobody set", () => {
    const user = frame({ function: "main.takeInventory", module: "/app/host", language: "go" });
    const moving = frame({ function: "runtime.adjustframe", module: "/app/host", language: "go" });
    expect(inScope(checkerError("uninitialized", { fault: [moving, user] }), "go")).toBe(false);
    expect(inScope(checkerError("uninitialized", { fault: [user] }), "go")).toBe(true);
    expect(inScope(checkerError("uninitialized", { fault: [moving, inLibrary("store_get"), user] }), "go")).toBe(true);
  });
});

describe("what is not shown", () => {
  const joined = [
    { error: checkerError("freed-access"), inScope: false },
    { error: checkerError("leak"), inScope: false },
    { error: checkerError("unmapped-access", {}, { fatal: true }), inScope: false },
  ];

  it("is counted, and what a process died of is always shown", () => {
    const { shown, notShown } = selectErrors(joined, "library");
    expect(shown.map(({ mistake }) => mistake)).toEqual(["unmapped-access"]);
    expect(notShown.get("valgrind")?.map(({ count }) => count)).toEqual([1, 1]);
  });

  it("is nothing with --scope all", () => {
    const { shown, notShown } = selectErrors(joined, "all");
    expect(shown).toHaveLength(3);
    expect(notShown.size).toBe(0);
  });
});
