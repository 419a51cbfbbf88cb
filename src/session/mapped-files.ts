import { realpathSync } from "node:fs";
import type { FileFacts } from "../model/evidence.js";
import type { DecodedStep } from "../model/recording.js";
import { readElf } from "../survey/elf.js";
import { runtimeOf } from "../survey/target.js";

/** The files that a step's processes mapped, described now that this machine has them. */
export function mappedFiles(decoded: DecodedStep): FileFacts[] {
  const programs = new Set(decoded.crashes.map(({ executable }) => executable));
  return decoded.files.map(({ path, program, foreign }) =>
    foreign === undefined ? describe(path, program || programs.has(path)) : absent(path, foreign),
  );
}

function absent(path: string, buildId: string): FileFacts {
  const known = buildId === "" ? null : buildId;
  return { path, soname: null, buildId: known, debugInfo: false, glue: null, runtime: null };
}

function describe(path: string, program: boolean): FileFacts {
  const elf = readElf(path);
  return {
    path,
    soname: elf?.soname ?? null,
    buildId: elf?.buildId ?? null,
    debugInfo: elf?.debugInfo ?? false,
    glue: elf?.glue ?? null,
    runtime: program ? (elf === null ? "unknown" : runtimeOf(real(path), elf)) : null,
  };
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
