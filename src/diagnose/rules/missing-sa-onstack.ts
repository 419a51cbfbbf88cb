import { onStack } from "../aborts.js";
import type { Rule } from "../diagnosis.js";

const NOT_ON_STACK = /^runtime\.sigNotOnStack$/;

const NOT_ON_STACK_TEXT = /signal handler without SA_ONSTACK/;

/** Go's runtime found a signal delivered on a goroutine's stack and gave up (runtime/signal_unix.go): a handler lacks SA_ONSTACK. */
export const missingSaOnstack: Rule = (crash) => {
  const text = crash.abortMessage?.text ?? "";
  if (onStack(crash, NOT_ON_STACK) === null && !NOT_ON_STACK_TEXT.test(text)) {
    return null;
  }
  const handler = crash.handlers.findLast((candidate) => candidate.handler !== null && !candidate.onStack);
  const owner = handler?.module?.split("/").at(-1) ?? null;
  return {
    code: "missing-sa-onstack",
    title: `${owner ?? "Native code"} has a signal handler without SA_ONSTACK, and Go's runtime gave up`,
    message:
      "A goroutine's stack is small, so that Go needs every handler to run on the alternate stack. This signal was delivered on the goroutine's own, and Go ends the process rather than overrun it.",
    confidence: "proved",
    evidence: [
      `Go saw the signal outside its signal stack and said: ${text === "" ? "nothing that could be read" : text}`,
      ...(handler === undefined
        ? []
        : [
            `${handler.function?.replace(/::h[0-9a-f]{16}$/, "") ?? handler.handler} of ${owner ?? "an unknown module"} was installed for ${handler.signal} without SA_ONSTACK`,
          ]),
    ],
    blame: { side: "library", reason: `${owner ?? "a native library"} installed the handler; Go's own have the flag` },
  };
};
