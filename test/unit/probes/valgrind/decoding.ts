import type { Options } from "../../../../src/model/options.js";
import type { StepEnd } from "../../../../src/model/recording.js";
import { decodeValgrind } from "../../../../src/probes/valgrind/decode.js";
import { recordingOf } from "../../../golden/recording-of.js";
import { document, error, FREE, frame, MALLOC } from "./memcheck-xml.js";

export const END: StepEnd = {
  pid: 100,
  outcome: { exitCode: 0, signal: null, timedOut: false },
  tool: { exitCode: 0, signal: null },
  leftRunning: [],
  attached: false,
};
export const OPTIONS = { libs: ["libstore.so"], scope: "library" } as unknown as Options;

/** What is made of the XML file and the logs of one process. */
export function decoded(body: string, more: Readonly<Record<string, string>> = {}, options = OPTIONS, end = END) {
  return decodeValgrind(recordingOf({ "vg.100.xml.1": document(body), ...more }), end, options);
}

/** What a handler returns through. */
export const TRAMPOLINE = "<frame><ip>0x624604F</ip><obj>/usr/lib/libc.so.6</obj></frame>";

export const READ = [
  "Invalid read of size 8",
  "Address 0x4a5b048 is 8 bytes inside a block of size 64 free'd",
  "Block was alloc'd at",
] as const;
/** A read of what was freed: three stacks, of use, free and allocation. */
export const useAfterFree = error("InvalidRead", [
  [READ[0], frame("get"), frame("main", { ip: "0x10A565", obj: "/app/host" })],
  [READ[1], FREE, frame("drop_it", { ip: "0x48B0000" })],
  [READ[2], MALLOC, frame("make_it", { ip: "0x48B1111" })],
]);
