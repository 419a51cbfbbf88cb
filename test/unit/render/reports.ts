import type { SignalEvent } from "../../../src/model/crash.js";
import type { Finding } from "../../../src/model/finding.js";
import type { Frame } from "../../../src/model/frame.js";
import type { Report } from "../../../src/model/report.js";

export function frame(index: number, change: Partial<Frame> = {}): Frame {
  return {
    index,
    pc: `0x7f000000${index.toString(16).padStart(4, "0")}`,
    function: `function_${index}`,
    module: "/app/lib/libwarehouse.so",
    offset: "0x1234",
    file: "/app/src/warehouse.c",
    line: 40 + index,
    column: null,
    side: "library",
    language: "c",
    boundary: false,
    kind: "normal",
    foldedCount: 0,
    args: [],
    ...change,
  };
}

export function event(id: number, change: Partial<SignalEvent> = {}): SignalEvent {
  return {
    id,
    atMs: 1000 + id,
    pid: 100,
    tid: 101,
    threadName: "worker",
    signal: {
      name: "SIGSEGV",
      number: 11,
      code: 1,
      codeName: "SEGV_MAPERR",
      address: "0x18",
      forged: false,
      senderPid: null,
    },
    disposition: "default",
    pc: "0x7f0000000000",
    module: "/app/lib/libwarehouse.so",
    function: "stock_read",
    role: "first-hand",
    of: null,
    why: "the process died of it",
    ...change,
  };
}

/** A null dereference in a C library that Node called through koffi. */
export function finding(change: Partial<Finding> = {}): Finding {
  return {
    code: "null-dereference",
    title: "Read through a null pointer, in stock_read",
    message: "stock_read read 8 bytes at 0x18.",
    severity: "error",
    confidence: "proved",
    blame: "library",
    blameReason: "its own code did it",
    evidence: ["SIGSEGV SEGV_MAPERR at 0x18", "the pointer was in rax = 0x0"],
    pid: 100,
    cwe: 476,
    probes: ["gdb"],
    fingerprint: "f",
    causeKey: "c",
    occurrences: { seen: 1, runs: 1 },
    signal: {
      name: "SIGSEGV",
      code: "SEGV_MAPERR",
      address: "0x18",
      forged: false,
      insn: "mov 0x18(%rax),%rax",
      thread: "101 worker",
    },
    access: { kind: "read", size: 8 },
    timeline: [event(0), event(1, { role: "reraise", of: 0, why: "event 0 raised again" })],
    stacks: [
      {
        role: "fault",
        thread: "101 worker",
        truncated: null,
        frames: [
          frame(0, { function: "stock_read" }),
          frame(1, { function: "wh_count", boundary: true, args: [{ name: "shelf", value: "0x0" }] }),
          frame(2, {
            function: "CallData::Execute",
            side: "binding",
            module: "/app/koffi.node",
            file: null,
            line: null,
          }),
          frame(3, { function: "", kind: "folded", foldedCount: 1234, side: "host" }),
          frame(4, {
            function: "countShelf",
            side: "script",
            kind: "jit",
            language: "javascript",
            file: "/app/app.js",
            line: 7,
          }),
          frame(5, { function: null, side: "system", module: "/lib/libc.so.6", file: null, line: null }),
        ],
      },
    ],
    boundaryCalls: [],
    nextSteps: [
      { command: "valgrind node app.js", why: "says who freed it", cost: "a slow run" },
      { command: "ffi-doctor explain null-dereference", why: "what this code means", cost: "seconds" },
    ],
    docs: "docs/findings/null-dereference.md",
    capture: {
      registers: [
        { name: "rax", value: "0x0" },
        { name: "rip", value: "0x7f0000000000" },
      ],
      disassembly: [
        { pc: "0x7efffffffffc", text: "push %rbp", current: false },
        { pc: "0x7f0000000000", text: "mov 0x18(%rax),%rax", current: true },
      ],
      memory: [
        {
          register: "rsp",
          value: "0x7ffd00000000",
          region: { inside: null, below: null, above: null },
          start: "0x7ffd00000000",
          bytes: "68756e74657232".padEnd(64, "0"),
        },
      ],
      modules: [],
      unloaded: [],
      stackBounds: null,
      maps: [
        { start: "0x400000", end: "0x401000", perms: "r-xp", offset: "0x0", path: "/usr/bin/node" },
        { start: "0x7ffd00000000", end: "0x7ffd00021000", perms: "rw-p", offset: "0x0", path: "[stack]" },
      ],
      threads: [
        { tid: 102, name: "pool", faulting: false, goroutine: null, frames: [frame(0)], truncated: null },
        { tid: 103, name: "idle", faulting: false, goroutine: 7, frames: [frame(0)], truncated: "no more" },
      ],
      pickReason: "it is the first of the chain that ended the process",
      benignOmitted: 3,
      incomplete: null,
      core: null,
      goroutines: [],
    },
    ...change,
  };
}

export function report(change: Partial<Report> = {}, run: Partial<Report["run"]> = {}): Report {
  const findings = change.findings ?? [finding()];
  return {
    schemaVersion: 1,
    tool: { name: "ffi-doctor", version: "0.0.0" },
    run: {
      id: "run",
      verb: "gdb-capture",
      command: ["node", "app.js"],
      host: { runtime: "node", version: "20.0.0" },
      libraries: [],
      startedAt: "2026-01-01T00:00:00.000Z",
      durationMs: 1500,
      outcome: { exitCode: null, signal: "SIGSEGV", timedOut: false },
      processes: [],
      interventions: [],
      ...run,
    },
    verdict: findings.length > 0 ? "findings" : "clean",
    findings,
    obstacles: [],
    letGo: [],
    experiments: [],
    suppressed: [],
    baseline: null,
    coverage: [
      {
        probe: "gdb",
        lookedFor: ["fatal signals"],
        blindSpots: [{ what: "libx.so has no names", why: "it is stripped", mend: "apt-get install libx-dbgsym" }],
        notShown: [],
      },
    ],
    catalogue: {},
    ...change,
  };
}

/** Text in every place that a target or a foreign run directory can choose. */
export function hostile(text: string): Report {
  const stack = [
    frame(0, { function: text, module: text, file: text }),
    frame(1, { function: text, boundary: true, args: [{ name: text, value: "0x1" }] }),
    frame(2, { function: text, side: "script", language: text, file: text }),
    ...[3, 4, 5].map((i) => frame(i, { function: text, module: text, side: "host" })),
  ];
  const base = finding();
  const bad = finding({
    title: text,
    message: text,
    blameReason: text,
    evidence: [text],
    signal: { name: text, code: text, address: "0x18", forged: false, insn: text, thread: text },
    timeline: [event(0, { function: text, why: text, signal: { ...event(0).signal, name: text } })],
    stacks: [{ role: "fault", thread: text, frames: stack, truncated: text }],
    nextSteps: [{ command: null, why: text, cost: text }],
  });
  if (base.capture !== undefined) {
    bad.capture = {
      ...base.capture,
      registers: [{ name: text, value: "0x1" }],
      disassembly: [{ pc: "0x1", text, current: true }],
      memory: base.capture.memory.map((window) => ({ ...window, register: text })),
      maps: base.capture.maps.map((map) => ({ ...map, path: text, perms: text })),
      threads: [{ tid: 1, name: text, faulting: false, goroutine: null, frames: stack, truncated: text }],
      pickReason: text,
      incomplete: text,
    };
  }
  const obstacles = [{ what: text, why: text, mend: text }];
  return report(
    {
      findings: [bad, bad],
      obstacles,
      letGo: [{ pid: 1, command: [text], threads: bad.capture?.threads ?? [] }],
      suppressed: [{ fingerprint: text, reason: text, expires: text, code: text, title: text }],
      baseline: { file: text, gone: [{ fingerprint: text, code: text, title: text }] },
      notices: [text],
      coverage: [{ probe: "gdb", lookedFor: [text], blindSpots: obstacles, notShown: [{ what: text, count: 1 }] }],
    },
    { command: [text], interventions: [{ kind: "flag", what: text, why: text }] },
  );
}
