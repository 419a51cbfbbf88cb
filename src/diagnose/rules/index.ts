import type { CheckedRule, Rule } from "../diagnosis.js";
import { abort, abortChecked } from "./abort.js";
import { allocDeallocMismatchChecked } from "./alloc-dealloc-mismatch.js";
import { arithmeticFault, arithmeticFaultChecked } from "./arithmetic-fault.js";
import { badCodePointer, badCodePointerChecked } from "./bad-code-pointer.js";
import { badLength, badLengthChecked } from "./bad-length.js";
import { busError } from "./bus-error.js";
import { callAfterUnload } from "./call-after-unload.js";
import { dataRaceChecked } from "./data-race.js";
import { deadlockChecked } from "./deadlock.js";
import { doubleFree, doubleFreeChecked } from "./double-free.js";
import { exceptionAcrossBoundary } from "./exception-across-boundary.js";
import { globalBufferOverflowChecked } from "./global-buffer-overflow.js";
import { goPointerRule } from "./go-pointer-rule.js";
import { heapBufferOverflow, heapBufferOverflowChecked } from "./heap-buffer-overflow.js";
import { heapBufferUnderflow, heapBufferUnderflowChecked } from "./heap-buffer-underflow.js";
import { heapUseAfterFree, heapUseAfterFreeChecked } from "./heap-use-after-free.js";
import { illegalInstruction } from "./illegal-instruction.js";
import { invalidFree, invalidFreeChecked } from "./invalid-free.js";
import { jniMisuse } from "./jni-misuse.js";
import { memoryLeakChecked } from "./memory-leak.js";
import { misalignedPointer, misalignedPointerChecked } from "./misaligned-pointer.js";
import { missingSaOnstack } from "./missing-sa-onstack.js";
import { nativeCrash, nativeCrashChecked } from "./native-crash.js";
import { nullDereference, nullDereferenceChecked } from "./null-dereference.js";
import { outOfMemory, outOfMemoryChecked } from "./out-of-memory.js";
import { panicAcrossBoundary, panicAcrossBoundaryChecked } from "./panic-across-boundary.js";
import { poisonedPointer, poisonedPointerChecked } from "./poisoned-pointer.js";
import { signalHandlerDisplaced } from "./signal-handler-displaced.js";
import { signatureMismatchChecked } from "./signature-mismatch.js";
import { stackBufferOverflow, stackBufferOverflowChecked } from "./stack-buffer-overflow.js";
import { stackOverflow, stackOverflowChecked } from "./stack-overflow.js";
import { truncatedPointer } from "./truncated-pointer.js";
import { uninitializedReadChecked } from "./uninitialized-read.js";
import { wildPointer, wildPointerChecked } from "./wild-pointer.js";
import { writeToReadonly, writeToReadonlyChecked } from "./write-to-readonly.js";

/** Narrowest first: the first that recognises a crash names it. */
export const rules: readonly Rule[] = [
  missingSaOnstack,
  goPointerRule,
  jniMisuse,
  heapUseAfterFree,
  heapBufferOverflow,
  heapBufferUnderflow,
  signalHandlerDisplaced,
  callAfterUnload,
  stackOverflow,
  badCodePointer,
  badLength,
  nullDereference,
  poisonedPointer,
  misalignedPointer,
  writeToReadonly,
  truncatedPointer,
  wildPointer,
  outOfMemory,
  doubleFree,
  invalidFree,
  stackBufferOverflow,
  panicAcrossBoundary,
  exceptionAcrossBoundary,
  abort,
  illegalInstruction,
  arithmeticFault,
  busError,
  nativeCrash,
];

/** The same for what a checker told. */
export const checkedRules: readonly CheckedRule[] = [
  heapUseAfterFreeChecked,
  heapBufferOverflowChecked,
  heapBufferUnderflowChecked,
  doubleFreeChecked,
  invalidFreeChecked,
  allocDeallocMismatchChecked,
  uninitializedReadChecked,
  memoryLeakChecked,
  stackBufferOverflowChecked,
  globalBufferOverflowChecked,
  stackOverflowChecked,
  badCodePointerChecked,
  nullDereferenceChecked,
  poisonedPointerChecked,
  misalignedPointerChecked,
  writeToReadonlyChecked,
  wildPointerChecked,
  badLengthChecked,
  outOfMemoryChecked,
  dataRaceChecked,
  deadlockChecked,
  signatureMismatchChecked,
  arithmeticFaultChecked,
  panicAcrossBoundaryChecked,
  abortChecked,
  nativeCrashChecked,
];
