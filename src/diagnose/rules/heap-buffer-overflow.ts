import type { Rule } from "../diagnosis.js";
import { paddingFault } from "../padding.js";

/** The bytes after a block were written over: its allocator's own check found it. */
export const heapBufferOverflow: Rule = (crash) => paddingFault(crash, "trailing", "heap-buffer-overflow");
