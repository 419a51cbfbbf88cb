import { describe, expect, it } from "vitest";
import { compiled, fits, NOT_IN_QUESTION } from "../../../src/evidence/module-globs.js";
import { moduleSide } from "../../../src/evidence/sides.js";

const globs = compiled(NOT_IN_QUESTION);

describe("what is not in question", () => {
  it.each([
    ["/app/node_modules/koffi/build/koffi/linux_x64/koffi.node", "binding"],
    ["/opt/x/libffi.so.8.1", "binding"],
    ["/opt/py/lib/python3.11/lib-dynload/_ctypes.cpython-311-x86_64-linux-gnu.so", "binding"],
    ["/opt/py/lib/libpython3.11.so.1.0", "host"],
    ["/opt/py/lib/python3.11/lib-dynload/math.so", "host"],
    ["/opt/jdk/lib/server/libjvm.so", "host"],
    ["/usr/lib/jvm/java-17/lib/libnio.so", "host"],
    ["/usr/lib/x86_64-linux-gnu/libc.so.6", "system"],
    ["/lib64/ld-linux-x86-64.so.2", "system"],
    ["/opt/gcc/lib/libasan.so.8", "system"],
    ["/opt/llvm/libclang_rt.tsan-x86_64.so", "system"],
    ["/app/native/build/ffi_doctor_recorder.so", "system"],
    ["/app/libstore.so", "library"],
    ["/usr/local/lib/libstore.so.1", "library"],
    ["/app/lib/mylibffi-like.so", "library"],
    ["/app/addon.node", "library"],
  ])("is told alike to the recorder and here: %s is %s", (path, side) => {
    expect(moduleSide(path)).toBe(side);
    expect(fits(path, globs)).toBe(side !== "library");
  });
});
