import { describe, expect, it } from "vitest";
import { librariesInQuestion } from "../../../src/evidence/libraries.js";
import { moduleSide, sideOf } from "../../../src/evidence/sides.js";
import type { FileFacts } from "../../../src/model/evidence.js";
import type { Frame } from "../../../src/model/frame.js";
import type { HostRuntime } from "../../../src/model/primitives.js";

function frame(more: Partial<Frame>): Frame {
  const none = { function: null, module: null, offset: null, file: null, line: null, column: null, language: null };
  return {
    index: 0,
    pc: "0x1",
    ...none,
    side: "system",
    boundary: false,
    kind: "normal",
    foldedCount: 0,
    args: [],
    ...more,
  };
}

const side = (runtime: HostRuntime, more: Partial<Frame>, exeInQuestion = false) =>
  sideOf(frame(more), { runtime, executable: "/app/exe", exeInQuestion, named: NAMED });
const NAMED = new Set(["/usr/lib/x86_64-linux-gnu/libz.so.1.2.13"]);

describe("whose a frame is", () => {
  it.each([
    ["/app/libstore.so", "library"],
    ["/opt/vendor/lib/libx.so.2", "library"],
    ["/usr/local/lib/libmine.so", "library"],
    ["/app/node_modules/sharp/build/Release/sharp.node", "library"],
    ["/usr/lib/x86_64-linux-gnu/libc.so.6", "system"],
    ["/lib64/ld-linux-x86-64.so.2", "system"],
    ["[vdso]", "system"],
    ["/app/node_modules/koffi/koffi.node", "binding"],
    ["/usr/lib/x86_64-linux-gnu/libffi.so.8.1.2", "binding"],
    ["/usr/lib/python3.11/lib-dynload/_ctypes.cpython-311-x86_64-linux-gnu.so", "binding"],
    ["/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0", "host"],
    ["/usr/lib/jvm/java-17/lib/server/libjvm.so", "host"],
  ])("is told by its module: %s is %s", (path, expected) => {
    expect(moduleSide(path)).toBe(expected);
  });

  it("is the library's where --lib names one of the distribution's", () => {
    expect(side("python", { module: "/usr/lib/x86_64-linux-gnu/libz.so.1.2.13" })).toBe("library");
    expect(side("python", { module: "/usr/lib/x86_64-linux-gnu/libm.so.6" })).toBe("system");
  });

  it.each([
    ["main.(*Store).Get", "go", "script"],
    ["github.com/acme/db.(*DB).Get", "go", "script"],
    ["scenario.Run", "go", "script"],
    ["net/http.(*Server).Serve", "go", "host"],
    ["runtime.goexit", "go", "host"],
    ["main._Cfunc_fds_get", "go", "binding"],
    ["runtime.cgocall", "go", "binding"],
    ["_cgo_881c377e8f18_Cfunc_fds_get", "c", "binding"],
    ["crosscall2", "go", "binding"],
    ["sqlite3_step", "c", "library"],
    ["_start", null, "system"],
  ])("is told by its name in a Go program: %s (%s) is %s", (name, language, expected) => {
    expect(side("go", { function: name, module: "/app/exe", language })).toBe(expected);
  });

  it.each([
    ["put", "/app/main.go"],
    ["_cgo_881c377e8f18_Cfunc_put", "/app/main.go"],
    ["_cgo_881c377e8f18_Cfunc_put", "/app/preamble.h"],
  ])("is the library's for the C of a cgo preamble, also where its glue swallowed it: %s of %s", (name, file) => {
    expect(side("go", { function: name, module: "/app/exe", language: "go", file, line: 7 })).toBe("library");
    const glue = { function: "_cgo_881c377e8f18_Cfunc_put", module: "/app/exe", file: "/tmp/go-build/cgo-gcc-prolog" };
    expect(side("go", glue)).toBe("binding");
    expect(side("go", { ...glue, file: null })).toBe("binding");
  });

  it("is the system's for a sanitizer's runtime that the program has built in", () => {
    const file = "/rustc/llvm/src/llvm-project/compiler-rt/lib/asan/asan_malloc_linux.cpp";
    expect(side("rust", { module: "/app/exe", function: "malloc", file })).toBe("system");
  });

  it("is the user's for JavaScript of the user's files, the runtime's for its own", () => {
    const js = { kind: "jit" as const, language: "javascript", function: "f" };
    expect(side("node", { ...js, file: "/app/main.mjs" })).toBe("script");
    expect(side("node", { ...js, file: "node:internal/timers" })).toBe("host");
    expect(side("node", { kind: "jit" })).toBe("host");
  });

  it("is the program's in C, unless the program itself is in question", () => {
    expect(side("c", { module: "/app/exe", function: "main" })).toBe("script");
    expect(side("c", { module: "/app/exe", function: "main" }, true)).toBe("library");
  });
});

describe("which libraries are in question", () => {
  const file = (path: string, soname: string | null = null): FileFacts => ({
    path,
    soname,
    buildId: null,
    debugInfo: true,
    runtime: null,
    glue: null,
  });
  const files = [
    file("/app/libstore.so", "libstore.so.3"),
    file("/app/sub/libother.so"),
    file("/usr/lib/libc.so.6", "libc.so.6"),
    file("/app/koffi.node"),
    { ...file("/app/exe"), runtime: "c" as const },
  ];
  const paths = (...libs: string[]): string[] => [...librariesInQuestion(libs, files).paths];

  it("are whatever is neither the system's, a binding nor a program, without --lib", () => {
    expect(paths()).toEqual(["/app/libstore.so", "/app/sub/libother.so"]);
  });

  it.each([
    ["libstore.so", ["/app/libstore.so"]],
    ["libstore.so.3", ["/app/libstore.so"]],
    ["/app/libstore.so", ["/app/libstore.so"]],
    ["/app/**/*.so", ["/app/libstore.so", "/app/sub/libother.so"]],
    ["libc.so", ["/usr/lib/libc.so.6"]],
    ["store", []],
    ["libstore", []],
  ])("match %s exactly, never by a part of the name", (lib, expected) => {
    expect(paths(lib)).toEqual(expected);
  });

  it("name what matched nothing", () => {
    expect(librariesInQuestion(["libstore.so", "libnosuch.so", "exe"], files)).toMatchObject({
      unmatched: ["libnosuch.so"],
      exe: true,
      explicit: true,
    });
  });
});
