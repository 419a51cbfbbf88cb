import { basename, dirname, join } from "node:path";
import type { Crash } from "../model/crash.js";
import type { NextStep } from "../model/finding.js";
import type { FindingCode } from "../model/finding-code.js";
import { faultFrames, nameOf, shortName, siteOf } from "./diagnosis.js";

const MEMORY: ReadonlySet<FindingCode> = new Set([
  "wild-pointer",
  "poisoned-pointer",
  "bad-code-pointer",
  "double-free",
  "invalid-free",
  "native-crash",
  "misaligned-pointer",
]);

/** What tells more than a crash can, cheapest first; commands are pasted as they are. */
export function nextSteps(code: FindingCode, crash: Crash, command: readonly string[]): NextStep[] {
  const steps = [...specific(code, crash, command)];
  if (MEMORY.has(code) || isHeapCorruption(code, crash)) {
    steps.push(...memorySteps(crash, command));
  }
  steps.push({
    command: `ffi-doctor explain ${code}`,
    why: "what this code means and what usually causes it",
    cost: "seconds",
  });
  return steps;
}

function isHeapCorruption(code: FindingCode, crash: Crash): boolean {
  return code === "abort" && /corrupt|invalid|unaligned|malloc_check/.test(crash.abortMessage?.text ?? "");
}

/** The frame that handed the null on, and what makes a null come and go. */
function* nullSteps(crash: Crash): Generator<NextStep> {
  const frames = faultFrames(crash);
  const site = siteOf(crash);
  const caller = frames.slice((site === null ? -1 : frames.indexOf(site)) + 1).find(({ kind }) => kind !== "inlined");
  if (site !== null && caller !== undefined && caller.function !== null) {
    yield {
      command: null,
      why: `see where ${nameOf(caller)} got the pointer that it passed to ${shortName(site)}, and why it does not look at it`,
      cost: "reading",
    };
  }
  yield {
    command: null,
    why: "if it fails on some threads only, suspect thread-local state: the same handle, used on the thread that opened it, would work",
    cost: "one run with all calls on one thread",
  };
}

/** Handlers and buffers: what to change, and for a JVM the library that chains handlers for everybody. */
function* boundarySteps(code: FindingCode, crash: Crash, command: readonly string[]): Generator<NextStep> {
  const jvm = crash.modules.find(({ path }) => basename(path) === "libjvm.so")?.path;
  if (code === "signal-handler-displaced" && jvm !== undefined) {
    yield {
      command: `LD_PRELOAD=${quoteAll([join(dirname(dirname(jvm)), "libjsig.so")])} ${quoteAll(command)}`,
      why: "libjsig keeps the JVM's handler first and calls others after it: if this runs on, the displaced handler was the cause",
      cost: "one run",
    };
  }
  if (code === "signal-handler-displaced") {
    yield {
      command: null,
      why: "have the library install no handler, or call the one that sigaction gave it for every fault outside its own code",
      cost: "a change in the library, or a setting of it",
    };
  } else if (code === "missing-sa-onstack") {
    yield {
      command: null,
      why: "set SA_ONSTACK in sa_flags where the handler is installed",
      cost: "a change in the library",
    };
  } else if (code === "bad-length") {
    const caller = faultFrames(crash).find(({ side }) => side === "script") ?? null;
    yield {
      command: null,
      why: `see where ${nameOf(caller)} got the length, and in what units: bytes, elements, blocks, or another buffer's`,
      cost: "reading",
    };
  }
}

function* specific(code: FindingCode, crash: Crash, command: readonly string[]): Generator<NextStep> {
  yield* boundarySteps(code, crash, command);
  const again = `RUST_BACKTRACE=1 ${quoteAll(command)}`;
  if (code === "null-dereference") {
    yield* nullSteps(crash);
  } else if (code === "panic-across-boundary") {
    yield {
      command: null,
      why: "wrap the body of the exported function in std::panic::catch_unwind and return an error code",
      cost: "a change in the library",
    };
    yield { command: again, why: "Rust's own backtrace of the panic, on standard error", cost: "one run" };
  } else if (code === "stack-overflow") {
    yield {
      command: `ulimit -s unlimited; ${quoteAll(command)}`,
      why: "an unlimited stack tells deep from endless: a deep recursion of the main thread then ends",
      cost: "one run, and as much memory as it takes",
    };
    yield {
      command: null,
      why: "bound the recursion in the library, or refuse input that nests too deep",
      cost: "a change in the library",
    };
  } else if (code === "call-after-unload") {
    yield {
      command: `LD_DEBUG=files ${quoteAll(command)} 2>&1 | grep -i 'fini\\|destroy'`,
      why: "the dynamic linker then says when it unloads each library",
      cost: "one run, much output",
    };
  } else if (code === "out-of-memory") {
    yield { command: "ulimit -a", why: "the limits that the process runs under", cost: "seconds" };
  } else if (code === "bus-error") {
    yield {
      command: "df -h; df -h /dev/shm",
      why: "whether the disk or shared memory behind the mapping is full",
      cost: "seconds",
    };
  } else if (code === "illegal-instruction") {
    yield {
      command: "lscpu | grep -i flags",
      why: "what this processor can do, to compare with what the library was built for",
      cost: "seconds",
    };
  } else if (code === "abort" && crash.hostRuntime === "go") {
    yield {
      command: `GOTRACEBACK=all ${quoteAll(command)}`,
      why: "the stacks of all goroutines",
      cost: "one run",
    };
  }
}

function memorySteps(crash: Crash, command: readonly string[]): NextStep[] {
  const modules = crash.modules.filter(({ inQuestion, path }) => inQuestion && path !== crash.executable);
  const valgrind = `ffi-doctor valgrind -- ${quoteAll(command)}`;
  const cost: Record<string, string> = {
    node: "a run 20 to 60 times slower, without JavaScript names",
    go: "a run 20 to 60 times slower; Go's own memory is not checked",
  };
  return [
    ...guardStep(crash, command),
    {
      command: valgrind,
      why: "valgrind says whether the memory was freed or never written, where, and by whom",
      cost: cost[crash.hostRuntime] ?? "a run 20 to 60 times slower",
    },
    ...(modules[0] === undefined ? [] : [rebuildStep(basename(modules[0].path))]),
  ];
}

/** Where memory can be watched from inside, that comes first: it costs least. */
function guardStep({ heap, modules, executable }: Crash, command: readonly string[]): NextStep[] {
  const dynamic = modules.some(({ path }) => path !== executable);
  return heap?.guarded === true || !dynamic
    ? []
    : [
        {
          command: `ffi-doctor run --heap guard -- ${quoteAll(command)}`,
          why: "if the memory is a library's own block, it stops at the first bad access, with the stacks of allocation and free",
          cost: "a run at nearly full speed",
        },
      ];
}

function rebuildStep(library: string): NextStep {
  return {
    command: null,
    why: `or ffi-doctor asan, with ${library} built by -fsanitize=address (--build does that): it stops at the first bad access`,
    cost: "a rebuild, then a run 2 to 3 times slower",
  };
}

const PLAIN = /^[\w@%+=:,./-]+$/;
const SHOWN = 12;
const LONG = 200;

/** A command line as a POSIX shell would read it back. */
export function quoteAll(command: readonly string[]): string {
  if (command.length === 0) {
    return "<command>";
  }
  const shown = command.slice(0, SHOWN).map((word) => {
    const text = word.length > LONG ? `${word.slice(0, LONG)}...` : word;
    return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  });
  return [...shown, ...(command.length > SHOWN ? ["..."] : [])].join(" ");
}
