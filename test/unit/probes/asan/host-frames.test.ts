import { describe, expect, it } from "vitest";
import { readHostFrames } from "../../../../src/probes/asan/host-frames.js";

const told = (runtime: string, text: string) =>
  readHostFrames(runtime, [text]).map((frame) => [frame.function, frame.file, frame.line, frame.language]);

describe("the host's own frames", () => {
  it("are V8's", () => {
    const text = `
----- JavaScript stack trace -----

1: crash (file:///app/h.mjs:6:27)
2: file:///app/h.mjs:8:1
3: run (node:internal/modules/esm/module_job:325:25)
`;
    expect(told("node", text)).toEqual([
      ["crash", "/app/h.mjs", 6, "javascript"],
      ["(anonymous)", "/app/h.mjs", 8, "javascript"],
      ["run", "node:internal/modules/esm/module_job", 325, "javascript"],
    ]);
  });

  it("are CPython's", () => {
    const text = `Stack (most recent call first):
  File "/app/compaction.py", line 8 in read_block
  File "/app/main.py", line 83 in <module>
`;
    expect(told("python", text)).toEqual([
      ["read_block", "/app/compaction.py", 8, "python"],
      ["<module>", "/app/main.py", 83, "python"],
    ]);
  });

  it("are those of the goroutine that was running, not the scheduler's", () => {
    const text = `SIGQUIT: quit
PC=0x7f8659b1f829 m=4 sigcode=18446744073709551610

goroutine 0 gp=0xc0 m=4 [idle]:
runtime.cgocall()
	/go/src/runtime/cgocall.go:1 +0x1

goroutine 5 gp=0x33 m=4 mp=0x33 [syscall]:
main._Cfunc_fds_get(0x619, 0x33)
	_cgo_gotypes.go:252 +0x46 fp=0x33e097cf4640 sp=0x33e097cf4618 pc=0x4c2e66
main.(*Store).Get.func1(...)
	/app/store.go:109
created by main.run in goroutine 1
	/app/main.go:68 +0x40c

goroutine 1 gp=0x33 m=nil [chan receive]:
runtime.gopark(0x7f)
	/go/src/runtime/proc.go:462 +0xce
`;
    expect(told("go", text)).toEqual([
      ["main._Cfunc_fds_get", "_cgo_gotypes.go", 252, "go"],
      ["main.(*Store).Get.func1", "/app/store.go", 109, "go"],
    ]);
    expect(readHostFrames("go", [text])[0]?.pc).toBe("0x4c2e66");
  });

  it("are HotSpot's, compiled or not", () => {
    const text = `Native frames: (J=compiled Java code)
C  [libc.so.6+0x101829]  syscall+0x19

Java frames: (J=compiled Java code, j=interpreted, Vv=VM code)
j  inventory.Store.get([BLinventory/Block;)I+0
J 123 c1 inventory.Compaction.readBlock(Linventory/BlockStore;)I (20 bytes) @ 0x7f [0x7f+0x1]
v  ~StubRoutines::call_stub
j  inventory.Triggers$$Lambda$1+0x00007f1244001200.run(Ljava/nio/file/Path;)V+1

siginfo: si_signo: 11
`;
    expect(told("java", text).map(([name]) => name)).toEqual([
      "inventory.Store.get",
      "inventory.Compaction.readBlock",
      "inventory.Triggers$$Lambda$1+0x00007f1244001200.run",
    ]);
  });

  it.each(["node", "python", "go", "java", "ruby"])("of %s are none in what is no stack", (runtime) => {
    expect(readHostFrames(runtime, ["\0\0\n", "goroutine\nJava frames:\n", "x".repeat(100_000)])).toEqual([]);
  });
});
