import type { Crash } from "../model/crash.js";
import type { FindingCode } from "../model/finding-code.js";
import { bytes } from "./checked.js";
import { type Diagnosis, isFault, whereOf } from "./diagnosis.js";

/** A fault in a page that the recorder had closed, as a block of the library's lay there or beside; the heap's own witness says more. */
export function closedPage(crash: Crash, code: FindingCode): Diagnosis | null {
  const pointer = crash.heap?.pointers.find(({ register, truncated }) => register === "the address" && !truncated);
  const { offset, size, state } = pointer?.block ?? { offset: null, size: null, state: "unknown" };
  if (!isFault(crash, "SIGSEGV", "SIGBUS") || pointer === undefined || offset === null || size === null) {
    return null;
  }
  const is =
    state === "freed"
      ? "heap-use-after-free"
      : offset < 0
        ? "heap-buffer-underflow"
        : offset >= size
          ? "heap-buffer-overflow"
          : null;
  return is !== code
    ? null
    : {
        code,
        title: `${crash.signal.name} at ${pointer.value}, in ${whereOf(crash)}`,
        message: `The address belongs to a block of ${bytes(size)} that is ${state}, and the recorder had closed the page.`,
        confidence: "proved",
        evidence: [`${crash.signal.name} ${crash.signal.codeName} at ${pointer.value}, in a page that was closed`],
        block: pointer.block,
      };
}
