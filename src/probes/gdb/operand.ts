import type { Access } from "../../model/crash.js";

/** Reads the memory operand of one x86-64 instruction in AT&T syntax, as gdb disassembles it. Other machines: null. */

const MASK = (1n << 64n) - 1n;
/** An operand explains a fault address when it lies this close (an access may straddle a page, a vector load starts earlier). */
const NEAR = 64n;

type Registers = Readonly<Record<string, string>>;

interface MemoryOperand {
  address: bigint;
  base: { register: string; value: bigint } | null;
  last: boolean;
}

const OPERAND = /^\*?(?:%(fs|gs|ds|es|ss|cs):)?(-?0x[0-9a-f]+)?\((%\w+)?(?:,(%\w+))?(?:,(\d))?\)$/;
const READS_LAST =
  /^v?(cmp|test|bt$|btl|btq|ucomis|comis|ptest|push|call|jmp|mul|div|idiv|imul|fld|fild|ldmxcsr|prefetch|verr|verw|nop)/;
const NO_ACCESS = /^(lea|nop|prefetch)/;
const SUFFIX: Record<string, number> = { b: 1, w: 2, l: 4, q: 8 };
const REGISTERS: readonly (readonly [RegExp, number])[] = [
  [/^%zmm/, 64],
  [/^%ymm/, 32],
  [/^%xmm/, 16],
  [/^%(r[a-z]{2}|r\d+)$/, 8],
  [/^%(e[a-z]{2}|r\d+d)$/, 4],
  [/^%([a-d]x|[sd]i|[sb]p|r\d+w)$/, 2],
  [/^%([a-d][lh]|[sd]il|[sb]pl|r\d+b|r\d+l)$/, 1],
];

function register(name: string, registers: Registers): bigint | null {
  const text = registers[name.replace("%", "")];
  return text === undefined ? null : BigInt(text);
}

/** Splits at the commas outside parentheses. */
function operandsOf(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((part) => part.trim());
}

function memoryOperands(
  operands: readonly string[],
  registers: Registers,
  comment: string | undefined,
): MemoryOperand[] {
  return operands.flatMap((text, i) => {
    const match = OPERAND.exec(text);
    const found = match === null ? null : memoryOperand(match, registers, comment);
    return found === null ? [] : [{ ...found, last: i === operands.length - 1 }];
  });
}

/** segment:displacement(base,index,scale); `comment` has the absolute address that gdb prints for base %rip. */
function memoryOperand(
  [, segment, displacement, base, index, scale]: RegExpExecArray,
  registers: Registers,
  comment: string | undefined,
): Omit<MemoryOperand, "last"> | null {
  if (base === "%rip") {
    const absolute = /^0x[0-9a-f]+/.exec(comment ?? "")?.[0];
    return absolute === undefined ? null : { address: BigInt(absolute), base: null };
  }
  const baseValue = base === undefined ? 0n : register(base, registers);
  const indexValue = index === undefined || index === "%riz" ? 0n : register(index, registers);
  const segmentBase = segment === "fs" || segment === "gs" ? register(`${segment}_base`, registers) : 0n;
  if (baseValue === null || indexValue === null || segmentBase === null) {
    return null;
  }
  const constant = displacement?.startsWith("-") ? -BigInt(displacement.slice(1)) : BigInt(displacement ?? "0x0");
  return {
    address: (baseValue + indexValue * BigInt(scale ?? "1") + constant + segmentBase) & MASK,
    base: base === undefined ? null : { register: base.slice(1), value: baseValue },
  };
}

function widthOf(mnemonic: string, operands: readonly string[]): number | null {
  const extend = /^mov[sz]([bwl])[wlq]$/.exec(mnemonic);
  if (extend) {
    return SUFFIX[extend[1] ?? ""] ?? null;
  }
  if (/^v?(movss|addss|subss|mulss|divss|comiss|ucomiss|movd)$/.test(mnemonic)) {
    return 4;
  }
  if (/^v?(movsd|addsd|subsd|mulsd|divsd|comisd|ucomisd|movq|movhpd|movlpd|movhps|movlps)$/.test(mnemonic)) {
    return 8;
  }
  for (const operand of operands) {
    const width = REGISTERS.find(([pattern]) => pattern.test(operand))?.[1];
    if (width !== undefined) {
      return width;
    }
  }
  return SUFFIX[mnemonic.at(-1) ?? ""] ?? (/^(push|pop|call|ret|jmp)/.test(mnemonic) ? 8 : null);
}

const hex = (value: bigint): string => `0x${(value & MASK).toString(16)}`;

/**
 * What the faulting instruction tried to do. `kernelAddress` is si_addr when the kernel gave a real one; null for a general protection
 * fault (SI_KERNEL: a non-canonical address or a misaligned vector access), where the address is worked out from the operand.
 */
export function accessOf(input: {
  instruction: string | null;
  registers: Registers;
  pc: string;
  kernelAddress: string | null;
}): Access | null {
  const { registers, kernelAddress } = input;
  const kernel = kernelAddress === null ? null : BigInt(kernelAddress);
  if (kernel !== null && kernel === BigInt(input.pc)) {
    return { kind: "execute", size: null, address: hex(kernel), addressFrom: "kernel", base: null, displacement: null };
  }
  const given = (kind: Access["kind"]): Access | null =>
    kernel === null
      ? null
      : { kind, size: null, address: hex(kernel), addressFrom: "kernel", base: null, displacement: null };
  if (input.instruction === null) {
    return given("read");
  }
  const [code = "", comment] = input.instruction.split("#").map((part) => part.trim());
  const words = code.replace(/^((?:rep[nz]*|lock|bnd|notrack|data16)\s+)+/, "").match(/^(\S+)\s*(.*)$/);
  const mnemonic = words?.[1] ?? "";
  const operands = operandsOf(words?.[2] ?? "");
  const memory = NO_ACCESS.test(mnemonic) ? [] : memoryOperands(operands, registers, comment);
  memory.push(...implicit(mnemonic, registers));
  const chosen =
    kernel === null
      ? memory.length === 1
        ? memory[0]
        : (memory.find((m) => !canonical(m.address)) ?? memory[0])
      : closest(memory, kernel);
  if (chosen === undefined) {
    return given("read");
  }
  const address = kernel ?? chosen.address;
  const base = chosen.base;
  return {
    kind: chosen.last && !READS_LAST.test(mnemonic) ? "write" : "read",
    size: widthOf(mnemonic, operands),
    address: hex(address),
    addressFrom: kernel === null ? "operand" : "kernel",
    base: base === null ? null : { register: base.register, value: hex(base.value) },
    displacement: base === null ? null : signed(address - base.value).toString(),
  };
}

/** push, call and ret touch the stack without naming it. */
function implicit(mnemonic: string, registers: Registers): MemoryOperand[] {
  const sp = register("rsp", registers);
  if (sp === null) {
    return [];
  }
  const base = { register: "rsp", value: sp };
  if (/^(push|call)/.test(mnemonic)) {
    return [{ address: (sp - 8n) & MASK, base, last: false }];
  }
  return /^(pop|ret|leave)/.test(mnemonic) ? [{ address: sp, base, last: false }] : [];
}

function closest(memory: readonly MemoryOperand[], address: bigint): MemoryOperand | undefined {
  const distance = (m: MemoryOperand): bigint => (m.address > address ? m.address - address : address - m.address);
  return memory.filter((m) => distance(m) <= NEAR).sort((a, b) => (distance(a) < distance(b) ? -1 : 1))[0];
}

/** Bits 63 to 47 equal (Intel SDM vol. 1, 3.3.7.1). */
function canonical(address: bigint): boolean {
  const top = address >> 47n;
  return top === 0n || top === (1n << 17n) - 1n;
}

function signed(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}
