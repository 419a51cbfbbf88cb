import { describe, expect, it } from "vitest";
import { parseFrameLine } from "../../../../src/probes/asan/frame-line.js";

const nothing = { file: null, line: null, column: null, module: null, offset: null, rust: false };

describe("a frame of a sanitizer's stack", () => {
  it.each([
    [
      "gcc's own form",
      "    #1 0x7f58ce8d763d in bug /src/lab/bug.c:12",
      { index: 1, pc: "0x7f58ce8d763d", function: "bug", file: "/src/lab/bug.c", line: 12 },
    ],
    [
      "clang's, with a column and a build id",
      "    #4 0x5639abd810c0 in _start (/src/lab/host+0x10c0) (BuildId: 0c1ec14f8c98fdb520331889d5fe8213f197e121)",
      { index: 4, pc: "0x5639abd810c0", function: "_start", module: "/src/lab/host", offset: "0x10c0" },
    ],
    [
      "ours, with a source line and a module",
      "    #0 0x7fea20d54161 in bug /src/lab/bug.c:12:41 (libbug.so+0x4161)",
      {
        index: 0,
        pc: "0x7fea20d54161",
        function: "bug",
        file: "/src/lab/bug.c",
        line: 12,
        column: 41,
        module: "libbug.so",
        offset: "0x4161",
      },
    ],
    [
      "a relative source",
      "    #3 0x7f in __libc_start_call_main ../sysdeps/nptl/libc_start_call_main.h:58 (/lib/libc.so.6+0x27249)",
      {
        index: 3,
        pc: "0x7f",
        function: "__libc_start_call_main",
        file: "../sysdeps/nptl/libc_start_call_main.h",
        line: 58,
        module: "/lib/libc.so.6",
        offset: "0x27249",
      },
    ],
    [
      "a name with spaces and no source",
      "    #0 0x7f4c in operator delete(void*) (/lib/libasan.so.8+0xb9f08)",
      { index: 0, pc: "0x7f4c", function: "operator delete(void*)", module: "/lib/libasan.so.8", offset: "0xb9f08" },
    ],
    [
      "ThreadSanitizer's, without an address",
      "    #0 racer /src/lab/bug.c:9 (libbug.so+0x1296)",
      { index: 0, pc: null, function: "racer", file: "/src/lab/bug.c", line: 9, module: "libbug.so", offset: "0x1296" },
    ],
    [
      "a library that is gone",
      "    #1 0x7f95 in <null> (<unknown module>) (<null>+0x0)",
      { index: 1, pc: "0x7f95", function: null },
    ],
    ["no name at all", "    #2 0x1234  (<unknown module>)", { index: 2, pc: "0x1234", function: null }],
    [
      "an interceptor",
      "    #0 0x7f in __interceptor_free src/asan_malloc_linux.cpp:52",
      { index: 0, pc: "0x7f", function: "free", file: "src/asan_malloc_linux.cpp", line: 52 },
    ],
    [
      "a name of Rust's",
      "    #0 0x7f in _RNvNtNtCs8adovq8g1L5_16ffi_doctor_store3ffi5stale10read_block src/ffi/stale.rs:65 (/lib/x.so+0x1)",
      {
        index: 0,
        pc: "0x7f",
        function: "ffi_doctor_store::ffi::stale::read_block",
        file: "src/ffi/stale.rs",
        line: 65,
        module: "/lib/x.so",
        offset: "0x1",
        rust: true,
      },
    ],
  ])("%s", (_what, text, expected) => {
    expect(parseFrameLine(text)).toEqual({ ...nothing, ...expected });
  });

  it.each(["", "READ of size 1 at 0x60 thread T0", "#", "#x 0x1 in f", "    # 0 0x1 in f"])("is not %j", (text) => {
    expect(parseFrameLine(text)).toBeNull();
  });
});
