import type { Stack } from "../model/frame.js";

/** A stack as plain lines, one a frame, innermost first; not escaped. */
export function plainStack(stack: Stack): string[] {
  return [
    `${stack.role} of thread ${stack.thread}, innermost first`,
    ...stack.frames.map((frame) => {
      if (frame.kind === "folded") {
        return `  ... ${frame.foldedCount} more frames ...`;
      }
      const module = frame.module?.split("/").at(-1) ?? null;
      const name = frame.function ?? (module === null ? frame.pc : `${module}+${frame.offset ?? "?"}`);
      const file = frame.file === null ? "" : `  ${frame.file}${frame.line === null ? "" : `:${frame.line}`}`;
      return `  #${frame.index} ${frame.side.padEnd(8)} ${name}${file}${frame.boundary ? "  <- boundary" : ""}`;
    }),
    ...(stack.truncated === null ? [] : [`  the walk ended here: ${stack.truncated}`]),
  ];
}
