import { describe, expect, it } from "vitest";
import { readAddr2line, readInstruction, readLlvm } from "../../../../src/probes/recorder/symbolizer-output.js";

const make = { function: "make", file: "/src/lib.c", line: 2 };
const put = { function: "store_put", file: "/src/lib.c", line: 3 };

describe("the answers of symbolizers", () => {
  it("are read in the order of the addresses, inlined functions first", () => {
    const llvm = "make\n/src/lib.c:2:41\nstore_put\n/src/lib.c:3:62\n\n??\n??:0:0\n\nstore_put\n/src/lib.c:3:0\n\n";
    expect(readLlvm(llvm, 3)).toEqual([[make, put], [], [put]]);
    const binutils =
      "0x000000000000113e\nmake\n/src/lib.c:2\nstore_put\n/src/lib.c:3 (discriminator 2)\n0x0000000000000009\n??\n??:0\n0x0000000000001140\nstore_put\n/src/lib.c:3\n";
    expect(readAddr2line(binutils, 3)).toEqual([[make, put], [], [put]]);
  });

  it("that are missing, as the tool was ended, are empty", () => {
    expect(readLlvm("store_put\n/src/lib.c:3:0\n\nmake\n", 3)).toEqual([[put], [], []]);
    expect(readAddr2line("", 2)).toEqual([[], []]);
  });

  it("keep a name without a place, and a place without a name", () => {
    expect(readLlvm("read@plt\n??:0:0\n\n??\n/src/lib.c:2:0\n\n", 2)).toEqual([
      [{ function: "read@plt", file: null, line: null }],
      [{ function: null, file: "/src/lib.c", line: 2 }],
    ]);
  });
});

describe("an instruction", () => {
  it("is the first that objdump shows", () => {
    const text =
      "\ni.bin:     file format binary\n\n0000000000401000 <.data>:\n  401000:\tmov    (%rdi),%rax\n  401003:\tnop\n";
    expect(readInstruction(text)).toBe("mov    (%rdi),%rax");
    expect(readInstruction("  401000:\t(bad)\n")).toBeNull();
    expect(readInstruction("")).toBeNull();
  });
});
