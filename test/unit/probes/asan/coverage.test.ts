import { describe, expect, it } from "vitest";
import type { Options } from "../../../../src/model/options.js";
import type { StepEnd } from "../../../../src/model/recording.js";
import { decodeAsan } from "../../../../src/probes/asan/decode.js";
import { recordingOf } from "../../../golden/recording-of.js";

const PROCESS = `process 7 1
exe /app/host
arg ./host
arg with space\\x0aand line
program 400000-500000 - 
library 7f0000000000-7f0000100000 address /usr/lib/x86_64-linux-gnu/libasan.so.8
library 7f0000200000-7f0000300000 - /app/libstore.so
`;
const END: StepEnd = {
  pid: 7,
  outcome: { exitCode: 99, signal: null, timedOut: false },
  tool: { exitCode: 99, signal: null },
  leftRunning: [],
  attached: false,
};
const OPTIONS = { sanitizer: "address", libs: [], command: ["./host"] } as unknown as Options;

const decode = (files: Record<string, string>, end: Partial<StepEnd> = {}, options: Partial<Options> = {}) =>
  decodeAsan(recordingOf(files), { ...END, ...end }, { ...OPTIONS, ...options });
const ended = (exitCode: number | null, signal: string | null = null) => ({
  outcome: { exitCode, signal, timedOut: false },
});

describe("coverage", () => {
  const spotsOf = (record: string, options: Partial<Options> = {}): string[] =>
    decode({ "process.7": `${record}end exit 0\n` }, ended(0), options)
      .coverage.flatMap(({ blindSpots }) => blindSpots)
      .map(({ what }) => what);

  it("says so of a program of the user's own that was built without checks", () => {
    const own = "plain reads and writes in /app/host";
    expect(spotsOf(PROCESS)).toContain(own);
    expect(spotsOf(`${PROCESS}runtime go\n`)).toContain(own);
    expect(spotsOf(PROCESS.replace("500000 - ", "500000 address "))).not.toContain(own);
    expect(spotsOf(PROCESS, { libs: ["libstore.so"] })).not.toContain(own);
    expect(spotsOf(PROCESS, { libs: ["exe"] })).toContain(own);
    expect(spotsOf(PROCESS.replace(/^library .*libasan.*\n/m, ""))).not.toContain(own);
    for (const theirs of ["/usr/bin/git", "/bin/sh", "/usr/libexec/tool", "/opt/bin/node", "/opt/bin/python3.11"]) {
      expect(spotsOf(PROCESS.replace("/app/host", theirs))).not.toContain(`plain reads and writes in ${theirs}`);
    }
  });

  it("says of Go's own memory whether the program was built for it", () => {
    const heap = "what native code does to Go's own memory";
    expect(spotsOf(`${PROCESS}runtime go\n`)).toContain(heap);
    expect(spotsOf(`${PROCESS.replace("500000 - ", "500000 address ")}runtime go\n`)).not.toContain(heap);
  });

  it("says of a library without checks what was seen of it, and what to type", () => {
    const { coverage } = decode({ "process.7": `${PROCESS}end exit 0\n` }, ended(0));
    const spot = coverage.flatMap(({ blindSpots }) => blindSpots).find(({ what }) => what.includes("/app/libstore.so"));
    expect(spot?.why).toBe(
      "it was built without -fsanitize=address: only its frees and its calls of libc functions were checked",
    );
    expect(spot?.mend).toContain("ffi-doctor asan --build");
  });

  it("does not say it of one that has them", () => {
    const checked = PROCESS.replace("7f0000300000 -", "7f0000300000 address");
    expect(spotsOf(checked).filter((what) => what.includes("libstore"))).toEqual([]);
  });
});
