import type { Crash, ThreadStack } from "../model/crash.js";
import type { FileFacts } from "../model/evidence.js";
import type { Frame } from "../model/frame.js";
import type { HostRuntime } from "../model/primitives.js";
import type { Question } from "./libraries.js";
import { moduleSide, type SideContext, sideOf } from "./sides.js";

/** A crash with the side of each frame, the boundary marked, and its modules described. */
export function joinCrash(crash: Crash, files: ReadonlyMap<string, FileFacts>, question: Question): Crash {
  const context = contextOf(crash.executable, files, question);
  return {
    ...crash,
    hostRuntime: context.runtime,
    modules: crash.modules.map((module) => {
      const facts = files.get(module.path);
      return {
        ...module,
        soname: facts?.soname ?? null,
        buildId: module.buildId ?? facts?.buildId ?? null,
        debugInfo: facts?.debugInfo ?? false,
        inQuestion: inQuestion(module.path, question, context),
      };
    }),
    threads: crash.threads.map((thread): ThreadStack => {
      return { ...thread, frames: joinFrames(thread.frames, context, question, files) };
    }),
    ...(crash.heap === undefined
      ? {}
      : {
          heap: {
            ...crash.heap,
            pointers: crash.heap.pointers.map((pointer) => ({
              ...pointer,
              stacks: pointer.stacks.map((stack) => ({
                ...stack,
                frames: joinFrames(stack.frames, context, question, files),
              })),
            })),
          },
        }),
    goroutines: crash.goroutines.map((group) => ({
      ...group,
      frames: joinFrames(group.frames, context, question, files),
    })),
  };
}

/** What must be known of a process to say whose its frames are. */
export function contextOf(
  executable: string | null,
  files: ReadonlyMap<string, FileFacts>,
  question: Question,
): SideContext {
  const runtime: HostRuntime = (executable === null ? null : files.get(executable)?.runtime) ?? "unknown";
  return { runtime, executable, exeInQuestion: question.exe, named: question.explicit ? question.paths : new Set() };
}

function inQuestion(path: string, question: Question, context: SideContext): boolean {
  if (path === context.executable) {
    return question.exe || (!question.explicit && ["go", "rust", "c"].includes(context.runtime));
  }
  return question.paths.has(path) || (!question.explicit && moduleSide(path) === "library");
}

/** The frames of one stack with their sides, and the boundary marked. */
export function joinFrames(
  unsided: readonly Frame[],
  context: SideContext,
  question: Question,
  files: ReadonlyMap<string, FileFacts>,
): Frame[] {
  const glue = new Set([...files.values()].filter((file) => file.glue !== null).map(({ path }) => path));
  const sided = bindGlue(
    unsided.map((frame) => ({ ...frame, side: sideOf(frame, context) })),
    glue,
  );
  const frames = sided.map((frame, i) =>
    frame.kind === "folded" ? { ...frame, side: sided[i - 1]?.side ?? frame.side } : frame,
  );
  const boundary = boundaryOf(frames, question, context);
  return frames.map((frame, i) => (i === boundary ? { ...frame, boundary: true } : frame));
}

/** An extension that only stands between its runtime and another library is binding; alone on the stack it is the library. */
function bindGlue(frames: readonly Frame[], glue: ReadonlySet<string>): Frame[] {
  const isGlue = (frame: Frame): boolean => frame.side === "library" && glue.has(frame.module ?? "");
  const other = frames.some((frame) => frame.side === "library" && !isGlue(frame));
  return frames.map((frame) => (other && isGlue(frame) ? { ...frame, side: "binding" } : frame));
}

/**
 * The call that crossed: walking outward from the fault, the last frame of the native library before the stack goes on in binding,
 * script or host; where native code calls back, the crossing nearest to the fault. -1 where there is none.
 */
function boundaryOf(frames: readonly Frame[], question: Question, context: SideContext): number {
  const isLibrary = (frame: Frame): boolean =>
    frame.side === "library" &&
    (!question.explicit ||
      (frame.module === context.executable ? question.exe : question.paths.has(frame.module ?? "")));
  let last = -1;
  for (const [i, frame] of frames.entries()) {
    if (isLibrary(frame)) {
      last = i;
    } else if (last >= 0 && (frame.side === "binding" || frame.side === "script" || frame.side === "host")) {
      return last;
    }
  }
  return calledBack(frames, isLibrary);
}

/** Where nothing on the stack called the library, the frame through which it called out to the host, such as a completion callback. */
function calledBack(frames: readonly Frame[], isLibrary: (frame: Frame) => boolean): number {
  const first = frames.findIndex(isLibrary);
  const inner = frames.slice(0, Math.max(0, first));
  return inner.some(({ side }) => side === "binding" || side === "script" || side === "host") ? first : -1;
}
