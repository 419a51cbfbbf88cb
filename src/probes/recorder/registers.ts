/** ucontext's gregs in their order (sys/ucontext.h, x86-64), as far as they are registers of the program. */
const NAMES = [
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
  "rdi",
  "rsi",
  "rbp",
  "rbx",
  "rdx",
  "rax",
  "rcx",
  "rsp",
  "rip",
] as const;

/** The places of those that are asked for by name; `err` is the processor's code of a page fault (Intel SDM vol. 3, 4.7). */
export const REGISTER = { rsp: 15, rip: 16, err: 19, trap: 20 } as const;

/** The processor's number of a page fault. */
export const PAGE_FAULT = 14n;

export function registersOf(values: readonly bigint[]): { name: string; value: string }[] {
  return NAMES.map((name, i) => ({ name, value: `0x${(values[i] ?? 0n).toString(16)}` }));
}

/** The register that a capture's index names. */
export function registerName(index: number): string {
  return NAMES[index] ?? `register ${index}`;
}
