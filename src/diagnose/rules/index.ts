import type { Rule } from "../diagnosis.js";
import { abort } from "./abort.js";
import { arithmeticFault } from "./arithmetic-fault.js";
import { badCodePointer } from "./bad-code-pointer.js";
import { badLength } from "./bad-length.js";
import { busError } from "./bus-error.js";
import { callAfterUnload } from "./call-after-unload.js";
import { doubleFree } from "./double-free.js";
import { exceptionAcrossBoundary } from "./exception-across-boundary.js";
import { goPointerRule } from "./go-pointer-rule.js";
import { heapBufferOverflow } from "./heap-buffer-overflow.js";
import { heapBufferUnderflow } from "./heap-buffer-underflow.js";
import { illegalInstruction } from "./illegal-instruction.js";
import { invalidFree } from "./invalid-free.js";
import { jniMisuse } from "./jni-misuse.js";
import { misalignedPointer } from "./misaligned-pointer.js";
import { missingSaOnstack } from "./missing-sa-onstack.js";
import { nativeCrash } from "./native-crash.js";
import { nullDereference } from "./null-dereference.js";
import { outOfMemory } from "./out-of-memory.js";
import { panicAcrossBoundary } from "./panic-across-boundary.js";
import { poisonedPointer } from "./poisoned-pointer.js";
import { signalHandlerDisplaced } from "./signal-handler-displaced.js";
import { stackBufferOverflow } from "./stack-buffer-overflow.js";
import { stackOverflow } from "./stack-overflow.js";
import { truncatedPointer } from "./truncated-pointer.js";
import { wildPointer } from "./wild-pointer.js";
import { writeToReadonly } from "./write-to-readonly.js";

/** Narrowest first: the first that recognises a crash names it. */
export const rules: readonly Rule[] = [
  missingSaOnstack,
  goPointerRule,
  jniMisuse,
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
