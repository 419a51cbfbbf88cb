import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accessOf } from "../../../../src/probes/gdb/operand.js";

const registers = {
  rax: "0x10",
  rbx: "0x7f0000000000",
  rsi: "0x0",
  rdi: "0x4847464544434241",
  rsp: "0x7ffe000",
  fs_base: "0x7f00dead0000",
};
const at = (instruction: string | null, kernelAddress: string | null, pc = "0x401000") =>
  accessOf({ instruction, registers, pc, kernelAddress });

describe("what an instruction tried to do", () => {
  it.each([
    [
      "mov    0x30(%rsi),%rdx",
      "0x30",
      { kind: "read", size: 8, address: "0x30", base: { register: "rsi", value: "0x0" }, displacement: "48" },
    ],
    ["mov    %rdx,0x30(%rsi)", "0x30", { kind: "write", size: 8, address: "0x30" }],
    ["movb   $0x1,(%rbx,%rax,1)", "0x7f0000000010", { kind: "write", size: 1, displacement: "16" }],
    ["movzbl (%rbx,%rax,4),%esi", "0x7f0000000040", { kind: "read", size: 1 }],
    ["cmpl   $0x0,-0x8(%rbx)", "0x7efffffffff8", { kind: "read", size: 4, displacement: "-8" }],
    ["movdqu (%rbx,%rax,8),%xmm2", "0x7f0000000080", { kind: "read", size: 16 }],
    ["vmovdqu64 (%rbx),%zmm16", "0x7f0000000000", { kind: "read", size: 64 }],
    ["mov    %fs:0xfffffffffffffff8,%rbx", "0x5", { kind: "read", address: "0x5", base: null }],
    [
      "mov    0x2ee3(%rip),%rax        # 0x404028",
      "0x404028",
      { kind: "read", size: 8, address: "0x404028", base: null },
    ],
    ["lock incl (%rbx)", "0x7f0000000000", { kind: "write" }],
    ["call   0x401630 <descend>", "0x7ffdff8", { kind: "read", base: { register: "rsp", value: "0x7ffe000" } }],
    ["push   %rbp", "0x7ffdff8", { base: { register: "rsp", value: "0x7ffe000" }, displacement: "-8" }],
    [null, "0x30", { kind: "read", address: "0x30", base: null }],
  ])("%s at %s", (instruction, address, expected) => {
    expect(at(instruction, address)).toMatchObject({ addressFrom: "kernel", ...expected });
  });

  it("is told from the registers when the kernel gives no address", () => {
    expect(at("mov    (%rdi),%rax", null)).toEqual({
      kind: "read",
      size: 8,
      address: "0x4847464544434241",
      addressFrom: "operand",
      base: { register: "rdi", value: "0x4847464544434241" },
      displacement: "0",
    });
  });

  it("is execution where the address is the program counter itself", () => {
    expect(at(null, "0x401000")).toMatchObject({ kind: "execute", address: "0x401000" });
  });

  it("is not known for an instruction without a memory operand and an address", () => {
    expect(at("hlt", null)).toBeNull();
    expect(at("lea    (%rdi),%rax", null)).toBeNull();
  });

  it("does not blame a register that has nothing to do with the address", () => {
    expect(at("mov    (%rbx),%rax", "0x1234567890")).toMatchObject({ address: "0x1234567890", base: null });
  });

  it("is never thrown over", () => {
    fc.assert(
      fc.property(fc.string(), fc.option(fc.nat()), (instruction, address) => {
        at(instruction, address === null ? null : `0x${address.toString(16)}`);
      }),
    );
  });
});
