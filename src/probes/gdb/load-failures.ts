import { basename } from "node:path";
import type { LoadFailure } from "../../model/crash.js";
import type { ProcessInfo } from "../../model/evidence.js";
import type { RawOf, RawRecord } from "./records.js";

/** ld.so ends the process itself, with this status, when it cannot start it or bind a symbol (ld.so(8)). */
const LINKER_GAVE_UP = 127;
/** A program that dies of a failed dlopen or dlsym does so at once; one that tried and went on is healthy. In milliseconds. */
const AT_ONCE_MS = 1000;
/** Bindings ask for symbols of other versions of their host, a JVM asks each library for each native method: that one has it not means nothing. */
const PROBED = /^(Java_|napi_|node_|uv_|v8|Py|JNI_On|_?_?(gmon_start|ITM_))/;
/** Runtimes ask themselves what their other files offer. */
const RUNTIMES = /\/jvm\/|\/(node|java|python[\d.]*|lib(jvm|jli|node|python[\d.]*)\.so[\d.]*)$/;

/** The dynamic linker's last complaint in each process that then ended in failure. */
export function decodeLoadFailures(records: readonly RawRecord[], processes: readonly ProcessInfo[]): LoadFailure[] {
  return processes.flatMap((process) => {
    const code = process.outcome.exitCode;
    const exited = records.find((record) => record.k === "exited" && record.pid === process.pid);
    const said = records.findLast(
      (record) => record.k === "linker-error" && record.pid === process.pid && counts(record),
    );
    if (said?.k !== "linker-error" || exited === undefined || code === null || code === 0) {
      return [];
    }
    const after = Math.round(exited.t - said.t);
    if (code !== LINKER_GAVE_UP && after > AT_ONCE_MS) {
      return [];
    }
    const from =
      code === LINKER_GAVE_UP
        ? "the dynamic linker ended the process with status 127"
        : `the process ended with status ${code}, ${after} ms after the dynamic linker said so`;
    return [failure(said, process, from)];
  });
}

function counts(record: RawOf<"linker-error">): boolean {
  const symbol = symbolOf(record.text ?? "");
  const probing = symbol !== null && (PROBED.test(symbol) || RUNTIMES.test(record.object ?? ""));
  return (record.text ?? "") !== "" && !probing;
}

function failure(said: RawOf<"linker-error">, process: ProcessInfo, from: string): LoadFailure {
  const text = said.text ?? "";
  const library = said.object ? said.object : (/(\S+\.so[.\d]*)/.exec(text)?.[1] ?? null);
  return {
    pid: process.pid,
    command: process.command,
    library: library === "" ? null : library,
    symbol: symbolOf(text),
    message: library && !text.includes(basename(library)) ? `${library}: ${text}` : text,
    exitCode: process.outcome.exitCode,
    from,
  };
}

function symbolOf(text: string): string | null {
  return /undefined symbol: ([^\s,]+)/.exec(text)?.[1] ?? null;
}
