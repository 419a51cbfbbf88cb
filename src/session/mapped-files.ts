import { realpathSync } from "node:fs";
import type { FileFacts } from "../model/evidence.js";
import type { StepRecord } from "../model/manifest.js";
import { type DecodedStep, decodeGdb } from "../probes/gdb/decode.js";
import type { RunDirectory } from "../rundir/run-directory.js";
import { readElf } from "../survey/elf.js";
import { runtimeOf } from "../survey/target.js";

/** What a step recorded, and the files that its processes mapped, described now that this machine has them. */
export function lookAtStep(directory: RunDirectory, step: StepRecord): { decoded: DecodedStep; facts: FileFacts[] } {
  const text = directory.read(`raw/${step.id}/gdb.jsonl`) ?? "";
  const decoded = decodeGdb(text, { ...step, attached: false });
  const programs = new Set(decoded.crashes.map(({ executable }) => executable));
  const facts = decoded.files.map(({ path, program }) => describe(path, program || programs.has(path)));
  return { decoded, facts };
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
