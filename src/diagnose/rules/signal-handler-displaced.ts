import type { Crash, SignalHandler } from "../../model/crash.js";
import { NULL_PAGE } from "../addresses.js";
import { type Diagnosis, faultFrames, nameOf, type Rule } from "../diagnosis.js";

/**
 * A fault of the kind that its own code raises and survives on purpose, which went to somebody else's handler and then killed the
 * process: Go's nil checks, HotSpot's implicit null checks, V8's WebAssembly bounds, or any program whose handler was there before.
 */
export const signalHandlerDisplaced: Rule = (crash) => {
  const pick = crash.timeline.find(({ id }) => id === crash.pick);
  const own = crash.handlers.filter(({ signal }) => signal === crash.signal.name);
  const current = own.at(-1);
  if (pick?.disposition !== "caught" || crash.pick === crash.terminal || !isForeign(current, crash)) {
    return null;
  }
  const before = own.findLast(({ module, handler }) => handler !== null && module !== current.module);
  const runtime = purposeOf(crash);
  const site = faultFrames(crash)[0] ?? null;
  const displaced = before?.module !== undefined && before.module !== null && before.module === site?.module;
  if (runtime === null && !displaced) {
    return null;
  }
  const owner = base(current.module);
  return {
    code: "signal-handler-displaced",
    title: `${owner} took ${crash.signal.name} over, and a fault that ${runtime ?? base(before?.module ?? null)} handles killed the process`,
    message: `The fault in ${nameOf(site)} is of the kind that ${runtime === null ? "the code there" : runtime} raises and survives on purpose. It came to ${handlerName(current)} instead, and the process died of it.`,
    confidence: runtime === null ? "likely" : "proved",
    evidence: [
      `the handler of ${crash.signal.name} at the fault was ${handlerName(current)}`,
      before === undefined
        ? "the handler before it was not installed through libc, as Go does it"
        : `before that it was ${handlerName(before)}`,
      `${crash.signal.name} ${crash.signal.codeName}${crash.access?.address ? ` at ${crash.access.address}` : ""} in ${nameOf(site)}, then the same again with the default action`,
    ],
    blame: {
      side: "library",
      reason: `${owner} installed its handler over the one that was there, and did not hand this fault on`,
    },
  } satisfies Diagnosis;
};

/** Installed by a library that the host brought, not by a runtime, the program or the system. */
function isForeign(handler: SignalHandler | undefined, crash: Crash): handler is SignalHandler & { module: string } {
  const module = handler?.module ?? null;
  return (
    module !== null &&
    crash.modules.some(({ path, inQuestion }) => path === module && inQuestion && path !== crash.executable)
  );
}

/** Which runtime means this fault, null where none does. */
function purposeOf(crash: Crash): string | null {
  const site = faultFrames(crash)[0];
  const nearNull = crash.access?.address != null && BigInt(crash.access.address) < NULL_PAGE;
  if (crash.hostRuntime === "go" && site?.language === "go" && nearNull) {
    return "Go's runtime";
  }
  if (site?.kind !== "jit") {
    return null;
  }
  return crash.hostRuntime === "java" && nearNull ? "the JVM" : crash.hostRuntime === "node" ? "V8" : null;
}

function handlerName(handler: SignalHandler): string {
  const name = handler.function?.replace(/::h[0-9a-f]{16}$/, "") ?? handler.handler;
  return handler.handler === null ? "the default action" : `${name} of ${base(handler.module)}`;
}

function base(module: string | null): string {
  return module?.split("/").at(-1) ?? "an unknown module";
}
