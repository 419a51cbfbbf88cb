import { z } from "zod";

/**
 * Every finding code there is. A code is also the name of its rule file, its page in `docs/findings`,
 * its fixture case and its SARIF rule id: one name everywhere.
 */
export const findingCodes = [
  "heap-use-after-free",
  "heap-buffer-overflow",
  "heap-buffer-underflow",
  "double-free",
  "invalid-free",
  "alloc-dealloc-mismatch",
  "memory-leak",
  "uninitialized-read",
  "stack-buffer-overflow",
  "global-buffer-overflow",
  "stack-overflow",
  "null-dereference",
  "wild-pointer",
  "poisoned-pointer",
  "truncated-pointer",
  "misaligned-pointer",
  "bad-code-pointer",
  "write-to-readonly",
  "callback-after-free",
  "callback-wrong-thread",
  "call-after-unload",
  "argument-kept",
  "thread-affinity",
  "data-race",
  "deadlock",
  "signature-mismatch",
  "struct-layout-mismatch",
  "bad-length",
  "panic-across-boundary",
  "exception-across-boundary",
  "abort",
  "signal-handler-displaced",
  "missing-sa-onstack",
  "illegal-instruction",
  "arithmetic-fault",
  "bus-error",
  "out-of-memory",
  "library-not-loadable",
  "missing-symbol",
  "go-pointer-rule",
  "jni-misuse",
  "native-crash",
] as const;

export const FindingCode = z.enum(findingCodes);
export type FindingCode = z.infer<typeof FindingCode>;
