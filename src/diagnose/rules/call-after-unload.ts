import type { Crash } from "../../model/crash.js";
import { faultFrames, isFault, nameOf, type Rule } from "../diagnosis.js";

/** The address belonged to a library that this process had loaded and has unloaded since. */
export const callAfterUnload: Rule = (crash) => {
  if (!isFault(crash, "SIGSEGV", "SIGBUS", "SIGILL")) {
    return null;
  }
  const address = crash.access?.address ?? crash.signal.address;
  const gone = address === null ? undefined : unloadedAt(crash, BigInt(address));
  if (gone === undefined || address === null) {
    return null;
  }
  const name = gone.path.split("/").at(-1) ?? gone.path;
  const executes = crash.access?.kind === "execute";
  const from = faultFrames(crash).find((frame) => frame.module !== null) ?? null;
  return {
    code: "call-after-unload",
    title: `${executes ? "Call into" : "Access to"} ${name} after it was unloaded`,
    message:
      `${address} lies where ${gone.path} was mapped (${gone.start}-${gone.end}) until it was unloaded. ` +
      "A thread, callback, destructor or function pointer outlived dlclose: the library must be kept loaded, or its threads and callbacks ended first.",
    confidence: "proved",
    evidence: [
      `${name} was mapped at ${gone.start}-${gone.end} and no longer is`,
      `the address is ${address}`,
      ...(from === null ? [] : [`the first frame that still has a module is ${nameOf(from)}`]),
    ],
    blame: {
      side: "boundary",
      reason: "who unloaded it, or kept the pointer, is not on this stack: look for dlclose and its equivalents",
    },
  };
};

function unloadedAt(crash: Crash, address: bigint): Crash["unloaded"][number] | undefined {
  return crash.unloaded.find(({ start, end }) => BigInt(start) <= address && address < BigInt(end));
}
