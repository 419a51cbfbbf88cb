import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const fromHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Where the parts lie that are started or read, seen from dist/session. */
export const places = {
  root: fromHere("../../"),
  hold: fromHere("../../native/build/hold"),
  companion: fromHere("../../native/build/ffi_doctor_companion.so"),
  recorder: fromHere("../../native/build/ffi_doctor_recorder.so"),
  gdbScript: fromHere("../probes/gdb/inject/capture.py"),
  coreScript: fromHere("../probes/core/inject/core.py"),
  demo: fromHere("../store/demo.js"),
  findings: fromHere("../../docs/findings/"),
} as const;

let version: string | null = null;

/** The version of this package. */
export function toolVersion(): string {
  version ??= (JSON.parse(readFileSync(fromHere("../../package.json"), "utf8")) as { version: string }).version;
  return version;
}
