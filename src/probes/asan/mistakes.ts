import type { CheckerError, Mistake } from "../../model/checker-error.js";
import type { SanitizerReport } from "./report.js";

const BY_KIND: Record<string, Mistake> = {
  "heap-use-after-free": "freed-access",
  "heap-buffer-overflow": "heap-bounds",
  "container-overflow": "heap-bounds",
  "use-after-poison": "heap-bounds",
  "stack-buffer-overflow": "stack-bounds",
  "stack-buffer-underflow": "stack-bounds",
  "dynamic-stack-buffer-overflow": "stack-bounds",
  "stack-use-after-return": "stack-bounds",
  "stack-use-after-scope": "stack-bounds",
  "global-buffer-overflow": "global-bounds",
  "attempting double-free": "double-free",
  "attempting free on address which was not malloc()-ed": "invalid-free",
  "attempting to call malloc_usable_size": "bad-argument",
  "alloc-dealloc-mismatch": "mismatched-free",
  "new-delete-type-mismatch": "mismatched-free",
  "memcpy-param-overlap": "bad-argument",
  "strcpy-param-overlap": "bad-argument",
  "strcat-param-overlap": "bad-argument",
  "strncpy-param-overlap": "bad-argument",
  "strncat-param-overlap": "bad-argument",
  "negative-size-param": "bad-argument",
  "requested allocation size": "bad-argument",
  "calloc parameters overflow": "bad-argument",
  "reallocarray parameters overflow": "bad-argument",
  "invalid-allocation-alignment": "bad-argument",
  "out of memory": "out-of-memory",
  "allocator is out of memory": "out-of-memory",
  "unknown-crash": "unmapped-access",
  "wild-addr-read": "unmapped-access",
  "wild-addr-write": "unmapped-access",
  "stack-overflow": "stack-overflow",
  "data race": "data-race",
  "data race on vptr": "data-race",
  "lock-order-inversion": "deadlock",
  FPE: "arithmetic",
  "direct leak": "leak",
  "indirect leak": "leak",
};

/** What UndefinedBehaviorSanitizer says, by its words: it has no names for its checks in them. */
const UNDEFINED: readonly (readonly [RegExp, Mistake])[] = [
  [/misaligned address/, "misaligned-access"],
  [/null pointer passed as argument/, "bad-argument"],
  [/(?:access within|load of|store to|call on|reference binding to|downcast of) null pointer/, "unmapped-access"],
  [/through pointer to incorrect function type/, "wrong-function-type"],
  [
    /integer overflow|division by zero|shift|negation of|outside the range of representable|pointer index expression|overflowed to/,
    "arithmetic",
  ],
];

const SIGNALS: Record<string, { name: string; number: number }> = {
  SEGV: { name: "SIGSEGV", number: 11 },
  BUS: { name: "SIGBUS", number: 7 },
  FPE: { name: "SIGFPE", number: 8 },
  ILL: { name: "SIGILL", number: 4 },
  ABRT: { name: "SIGABRT", number: 6 },
  TRAP: { name: "SIGTRAP", number: 5 },
  "stack-overflow": { name: "SIGSEGV", number: 11 },
};

/** The signals by which a process crashes, that a runtime need not have seen. */
export const CRASHES: Record<string, number> = {
  SIGSEGV: 11,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGILL: 4,
  SIGABRT: 6,
  SIGTRAP: 5,
  SIGSYS: 31,
};

export function isSignal(report: SanitizerReport): boolean {
  return SIGNALS[report.kind] !== undefined;
}

/** `mapped`: whether the address lies in a file that the process had loaded. */
export function mistakeOf(report: SanitizerReport, mapped: boolean): Mistake {
  if (report.checker === "UndefinedBehaviorSanitizer" && SIGNALS[report.kind] === undefined) {
    return UNDEFINED.find(([pattern]) => pattern.test(report.text))?.[1] ?? "other";
  }
  if (report.kind === "SEGV") {
    if (report.pc !== null && report.pc === report.access.address) {
      return "bad-jump";
    }
    return mapped ? "forbidden-access" : "unmapped-access";
  }
  return BY_KIND[report.kind] ?? (SIGNALS[report.kind] === undefined ? "other" : "fatal-signal");
}

/** The signal that a report is about. The sanitizers do not tell si_code: what it was follows from the address. */
export function signalOf(report: SanitizerReport, mistake: Mistake): CheckerError["signal"] {
  const signal = SIGNALS[report.kind];
  if (signal === undefined) {
    return null;
  }
  const fault = signal.name === "SIGSEGV";
  const address = fault || signal.name === "SIGBUS" ? report.access.address : null;
  const [code, codeName] = !fault
    ? [0, "unknown"]
    : address === null
      ? [128, "SI_KERNEL"]
      : mistake === "forbidden-access"
        ? [2, "SEGV_ACCERR"]
        : [1, "SEGV_MAPERR"];
  return { ...signal, code, codeName, address, forged: false, senderPid: null };
}

/** What the report is about in memory; null for what is no access. */
export function accessOf(report: SanitizerReport, mistake: Mistake): CheckerError["access"] {
  const { kind, size, address } = report.access;
  const freed = mistake === "double-free" || mistake === "invalid-free" || mistake === "mismatched-free";
  const does = freed ? "free" : mistake === "bad-jump" ? "execute" : kind;
  if (does === null) {
    return mistake === "unmapped-access" && report.checker === "UndefinedBehaviorSanitizer" ? nullAccess(report) : null;
  }
  return {
    kind: does,
    size: does === "free" ? null : size,
    address,
    addressFrom: address === null ? "none" : "kernel",
    base: null,
    displacement: null,
  };
}

/** "load of null pointer of type 'int'". */
function nullAccess(report: SanitizerReport): CheckerError["access"] {
  const kind = /store to/.test(report.text) ? "write" : "read";
  return { kind, size: null, address: "0x0", addressFrom: "operand", base: null, displacement: null };
}
