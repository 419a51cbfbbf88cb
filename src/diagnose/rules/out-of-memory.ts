import { aborted, onStack } from "../aborts.js";
import { checkedEvidence, shownAt } from "../checked.js";
import { type CheckedRule, nameOf, type Rule, siteOf, whereIn } from "../diagnosis.js";

const GAVE_UP =
  /handle_alloc_error|rust_oom|__rg_oom|node::OOMErrorHandler|FatalProcessOutOfMemory|node::OnOOMError|runtime\.(throw.*out of memory|\(\*mheap\)\.sysAlloc)/;
const SAID = /memory allocation of \d+ bytes failed|out of memory|std::bad_alloc/i;

/** An allocator or runtime could get no more memory and ended the process. */
export const outOfMemory: Rule = (crash) => {
  const frame = onStack(crash, GAVE_UP);
  const text = crash.abortMessage?.text ?? "";
  if (!aborted(crash) || (frame === null && !SAID.test(text))) {
    return null;
  }
  return {
    code: "out-of-memory",
    title: `The process ran out of memory in ${nameOf(siteOf(crash))}`,
    message:
      "An allocation failed and the runtime ended the process. " +
      "Look at the size that was asked for: a huge one is a wrong length, often one that crossed the boundary; an ordinary one means a limit or a leak.",
    confidence: "proved",
    evidence: [
      ...(frame === null ? [] : [`${frame.function ?? ""} is on the stack`]),
      ...(text === "" ? [] : [`it said: ${text}`]),
    ],
  };
};

/** A checker refused an allocation. */
export const outOfMemoryChecked: CheckedRule = (error) => {
  if (error.mistake !== "out-of-memory") {
    return null;
  }
  return {
    code: "out-of-memory",
    title: `An allocation failed in ${whereIn(shownAt(error))}`,
    message: `${error.text}. A size that was computed wrong asks for more than there is; a checker needs more memory itself, too.`,
    confidence: "likely",
    evidence: checkedEvidence(error),
  };
};
