import type { Rule } from "../diagnosis.js";
import { paddingFault } from "../padding.js";

/** The bytes before a block were written over: its allocator's own check found it. */
export const heapBufferUnderflow: Rule = (crash) => paddingFault(crash, "leading", "heap-buffer-underflow");
