import type { CheckerError } from "../model/checker-error.js";
import type { Coverage, FileFacts } from "../model/evidence.js";
import type { Frame } from "../model/frame.js";
import type { Options } from "../model/options.js";
import { contextOf, joinFrames } from "./join.js";
import type { Question } from "./libraries.js";
import { isCall, type SideContext } from "./sides.js";

/** A checker's error with the side of each frame and the boundary marked, and whether a library in question has a part in it. */
export function joinCheckerError(
  error: CheckerError,
  files: ReadonlyMap<string, FileFacts>,
  question: Question,
): { error: CheckerError; inScope: boolean } {
  const context = contextOf(error.executable, files, question);
  const stacks = error.stacks.map((stack) => ({
    ...stack,
    frames: joinFrames(stack.frames, context, question, files),
  }));
  const frames = stacks.flatMap((stack) => stack.frames);
  const joined = { ...error, hostRuntime: context.runtime, stacks };
  const byDesign = isStackCopy(joined);
  return {
    error: joined,
    // The recorder watches only what libraries in question allocated, also where no stack is kept.
    inScope:
      error.probe === "heap" ||
      frames.some(
        (frame) => inQuestion(frame, question, context) && !(byDesign && frame.module === context.executable),
      ) ||
      isByBinding(joined, question, context),
  };
}

/** Go's runtime looks into stack slots that its compiler left unset, where it moves a stack or looks for pointers: that is no mistake. */
function isStackCopy({ mistake, hostRuntime, stacks }: CheckerError): boolean {
  const site = stacks[0]?.frames.find(({ side }) => side !== "system");
  return mistake === "uninitialized" && hostRuntime === "go" && site?.side === "host";
}

/**
 * A frame of a library in question, in any stack: the fault itself may show in the runtime, for what a library left behind. Where the
 * user's own program is native, its own frames count too.
 */
function inQuestion(frame: Frame, question: Question, context: SideContext): boolean {
  if (frame.module !== null && frame.module === context.executable) {
    const own = frame.side === "library" || (frame.side === "script" && ["c", "rust", "go"].includes(context.runtime));
    return own && (question.exe || !question.explicit);
  }
  return frame.side === "library" && (!question.explicit || question.paths.has(frame.module ?? ""));
}

const FREES: ReadonlySet<CheckerError["mistake"]> = new Set(["double-free", "invalid-free", "mismatched-free"]);
const OF_BLOCKS: ReadonlySet<CheckerError["mistake"]> = new Set([...FREES, "freed-access", "heap-bounds"]);

/**
 * The user's script frees and reads by a binding's functions, and no library is on any of these stacks: `koffi.free`, `C.free`. No binding
 * frees twice by itself. Of Go's calls a C function that frees last leaves no frame of its own, and what it allocates is the program's.
 */
function isByBinding({ mistake, stacks }: CheckerError, question: Question, { runtime }: SideContext): boolean {
  const first = stacks[0]?.frames.find(({ side }) => side !== "system");
  if (!question.explicit && OF_BLOCKS.has(mistake) && first?.side === "binding") {
    return true;
  }
  return runtime === "go" && (question.exe || !question.explicit) && stacks.some((one) => isCgoCall(one, mistake));
}

/** Frames of libc's between the allocator and a call of Go's: strdup. What getaddrinfo allocates, 14 frames deep, is libc's. */
const WITHIN_LIBC = 2;

function isCgoCall({ frames }: CheckerError["stacks"][number], mistake: CheckerError["mistake"]): boolean {
  const crossing = frames.slice(0, WITHIN_LIBC + 1).find(({ side }) => side !== "system")?.function ?? "";
  return (
    mistake !== "uninitialized" &&
    (isCall(crossing) || (FREES.has(mistake) && crossing.startsWith("runtime.asmcgocall")))
  );
}

/**
 * Errors in scope; and, for each probe, how many of its own are not shown. What the process died of is always in scope, and with
 * `--scope all` everything is.
 */
export function selectErrors(
  joined: readonly { error: CheckerError; inScope: boolean }[],
  scope: Options["scope"],
): { shown: CheckerError[]; notShown: Map<CheckerError["probe"], Coverage["notShown"]> } {
  const shown = joined.filter(({ error, inScope }) => scope === "all" || inScope || error.fatal);
  const hidden = joined.filter((entry) => !shown.includes(entry)).map(({ error }) => error);
  const notShown = new Map<CheckerError["probe"], Coverage["notShown"]>();
  for (const probe of new Set(hidden.map((error) => error.probe))) {
    const own = hidden.filter((error) => error.probe === probe);
    const leaks = own.filter(({ mistake }) => mistake === "leak").length;
    const counts = [
      {
        what: "errors without a frame of the libraries in question (--scope all shows them)",
        count: own.length - leaks,
      },
      { what: "leaks without a frame of the libraries in question (--scope all shows them)", count: leaks },
    ];
    notShown.set(
      probe,
      counts.filter(({ count }) => count > 0),
    );
  }
  return { shown: shown.map(({ error }) => error), notShown };
}
