import type { Crash, MapEntry, SignalInfo } from "../../../src/model/crash.js";
import type { Evidence } from "../../../src/model/evidence.js";
import type { Frame } from "../../../src/model/frame.js";

export const HEAP: MapEntry = {
  start: "0x555500000000",
  end: "0x555500100000",
  perms: "rw-p",
  offset: "0x0",
  path: "[heap]",
};
export const CODE: MapEntry = {
  start: "0x7f0000000000",
  end: "0x7f0000010000",
  perms: "r-xp",
  offset: "0x0",
  path: "/app/libstore.so",
};
export const CONSTANTS: MapEntry = {
  start: "0x7f0000010000",
  end: "0x7f0000020000",
  perms: "r--p",
  offset: "0x0",
  path: "/app/libstore.so",
};
export const STACK: MapEntry = {
  start: "0x7ffc00000000",
  end: "0x7ffc00021000",
  perms: "rw-p",
  offset: "0x0",
  path: "[stack]",
};

export function frame(more: Partial<Frame> = {}): Frame {
  return {
    index: 0,
    pc: "0x7f0000000100",
    function: "store_get",
    module: "/app/libstore.so",
    offset: "0x100",
    file: "/src/store.c",
    line: 12,
    column: null,
    side: "library",
    language: "c",
    boundary: false,
    kind: "normal",
    foldedCount: 0,
    args: [],
    ...more,
  };
}

export const STACK_OF_A_CALL: Frame[] = [
  frame({ index: 0, function: "store_read" }),
  frame({ index: 1, boundary: true, args: [{ name: "handle", value: "0x555500000040" }] }),
  frame({ index: 2, function: "main", module: "/app/host", side: "script", file: "/src/main.c" }),
];

export function signal(more: Partial<SignalInfo> = {}): SignalInfo {
  return {
    name: "SIGSEGV",
    number: 11,
    code: 1,
    codeName: "SEGV_MAPERR",
    address: null,
    forged: false,
    senderPid: null,
    ...more,
  };
}

interface Shape {
  signal?: Partial<SignalInfo>;
  address?: string;
  kind?: "read" | "write" | "execute";
  base?: string;
  from?: "kernel" | "operand";
  instruction?: string;
  frames?: Frame[];
  maps?: MapEntry[];
  abort?: string;
  role?: "first-hand" | "panic" | "sent";
}

/** A crash of a C host in a library, as `shape` says. */
export function crash(shape: Shape = {}, more: Partial<Crash> = {}): Crash {
  const maps = shape.maps ?? [HEAP, CODE, CONSTANTS, STACK];
  const info = signal({ address: shape.address ?? null, ...shape.signal });
  const at = shape.address === undefined ? null : BigInt(shape.address);
  const inside = at === null ? undefined : maps.find((map) => BigInt(map.start) <= at && at < BigInt(map.end));
  return {
    probe: "gdb",
    pid: 1,
    command: ["/app/host", "a b"],
    executable: "/app/host",
    hostRuntime: "c",
    pick: 0,
    terminal: 0,
    pickReason: "",
    timeline: [
      {
        id: 0,
        atMs: 1,
        pid: 1,
        tid: 1,
        threadName: "host",
        signal: info,
        disposition: "default",
        pc: "0x7f0000000100",
        module: "/app/libstore.so",
        function: "store_read",
        role: shape.role ?? "first-hand",
        of: null,
        why: "",
      },
    ],
    benignOmitted: 0,
    signal: info,
    access:
      shape.address === undefined
        ? null
        : {
            kind: shape.kind ?? "read",
            size: 8,
            address: shape.address,
            addressFrom: shape.from ?? "kernel",
            base: shape.base === undefined ? null : { register: "rdi", value: shape.base },
            displacement: null,
          },
    region:
      at === null
        ? null
        : {
            inside: inside ?? null,
            below: maps.findLast((map) => BigInt(map.end) <= at) ?? null,
            above: maps.find((map) => BigInt(map.start) > at) ?? null,
          },
    instruction: shape.instruction ?? "mov    (%rdi),%rax",
    disassembly: [],
    registers: [{ name: "rsp", value: "0x7ffc00010000" }],
    stackBounds: { low: STACK.start, high: STACK.end, stackPointer: "0x7ffc00010000" },
    memory: [],
    maps,
    modules: [],
    unloaded: [],
    threads: [
      {
        tid: 1,
        name: "host",
        faulting: true,
        goroutine: null,
        frames: shape.frames ?? STACK_OF_A_CALL,
        truncated: null,
      },
    ],
    hostReport: null,
    core: null,
    goroutines: [],
    handlers: [],
    abortMessage: shape.abort === undefined ? null : { text: shape.abort, from: "glibc" },
    incomplete: null,
    ...more,
  };
}

export function evidence(more: Partial<Evidence> = {}): Evidence {
  return {
    processes: [],
    libraries: [],
    crashes: [],
    loadFailures: [],
    checkerErrors: [],
    coverage: [],
    obstacles: [],
    runs: 1,
    outcome: { exitCode: null, signal: "SIGSEGV", timedOut: false },
    ...more,
  };
}

const ABORTED = { name: "SIGABRT", number: 6, code: -6, codeName: "SI_TKILL", forged: true, senderPid: 1 };

export function aborted(text: string | undefined, names: string[] = ["abort", "store_check"]): Crash {
  const frames = names.map((name, index) =>
    frame({
      index,
      function: name,
      ...(["abort", "raise", "free", "__stack_chk_fail", "std::terminate()", "__cxa_throw"].includes(name)
        ? { side: "system" as const, module: "/lib/libc.so.6", file: null, line: null }
        : {}),
    }),
  );
  return crash({
    signal: ABORTED,
    frames: [...frames, ...STACK_OF_A_CALL.slice(1)],
    ...(text === undefined ? {} : { abort: text }),
  });
}
