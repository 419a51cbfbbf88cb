import type { Access, Crash, MapEntry } from "../../model/crash.js";
import type { Frame, Stack } from "../../model/frame.js";
import { fold, withHostFrames } from "../asan/frames.js";
import { readHostFrames } from "../asan/host-frames.js";
import type { NameOf } from "../blackbox/layout.js";
import { constants } from "../blackbox/layout.js";
import { pointerIn } from "../blackbox/reader.js";
import type { Box, CaptureRecord, SignalRecord } from "../blackbox/records.js";
import { regionOf, stackBounds } from "../gdb/decode-memory.js";
import { accessOf } from "../gdb/operand.js";
import { blockOf, livesOf } from "./blocks.js";
import type { Clock } from "./clock.js";
import { PAGE_FAULT, REGISTER, registerName, registersOf } from "./registers.js";
import { infoOf, NAMES, timelineOf } from "./signals.js";
import { stackOf, type Told } from "./stacks.js";
import type { Came, Verdict } from "./verdict.js";

/** Bits of a page fault's code (Intel SDM vol. 3, 4.7). */
const WRITE = 2n;
const FETCH = 16n;
const SA_ONSTACK = 0x08000000;
const SIG_IGN = 1n;
const ACCESS_SIGNALS: ReadonlySet<number> = new Set([7, 11]);
/** The register of the fault's own address, in words. */
const ADDRESS = "the address";

/** What was there when the signal came of which the process died; null where the verdict has none. */
export function crashOf(
  told: Told,
  clock: Clock,
  { box, came, verdict }: { box: Box; came: readonly Came[]; verdict: Verdict },
): Crash | null {
  const record = came.find((one) => one.record.id === verdict.pick)?.record;
  if (record === undefined) {
    return null;
  }
  const captures = box.captures.filter((capture) => capture.signal === record.id);
  const signal = infoOf(record);
  const registers = registersOf(record.registers);
  const maps = mapsIn(captures);
  const instruction = told.symbols.instruction(box.header.pid, box.header.image, record.id);
  const access = accessAt(record, instruction, signal.address);
  const pc = `0x${(record.registers[REGISTER.rip] ?? 0n).toString(16)}`;
  const { timeline, omitted } = timelineOf(told, clock, { box, came, roles: verdict.roles });
  const program = told.boxes.programOf(box);
  return {
    probe: "signals",
    pid: box.header.pid,
    ...program,
    hostRuntime: "unknown",
    pick: record.id,
    terminal: verdict.terminal,
    pickReason: verdict.reason,
    timeline,
    benignOmitted: omitted,
    signal,
    access,
    region: access?.address ? regionOf(access.address, maps) : null,
    instruction,
    disassembly: instruction === null ? [] : [{ pc, text: instruction, current: true }],
    registers,
    stackBounds: stackBounds(registers, maps),
    memory: memoryIn(captures, registers, maps),
    maps,
    modules: box.modules
      .filter(({ path, recorder }) => path !== "" && !recorder)
      .map(({ path, buildId, base }) => ({
        path,
        soname: null,
        buildId,
        debugInfo: false,
        base: `0x${base.toString(16)}`,
        inQuestion: false,
      })),
    unloaded: unloadedBefore(box, record),
    threads: [threadOf(told, box, record, captures, program.executable)],
    hostReport: null,
    handlers: handlersBefore(told, box, record),
    abortMessage: abortMessage(captures),
    core: null,
    goroutines: [],
    heap: heapFacts(told, box, captures),
    incomplete:
      maps.length === 0 ? "memory and maps were not captured at this signal, only registers and its stack" : null,
  };
}

function textIn(captures: readonly CaptureRecord[], part: NameOf<"part">): string {
  return captures
    .filter((capture) => capture.part === part)
    .sort((a, b) => a.index - b.index || a.order - b.order)
    .map(({ bytes }) => bytes.toString("utf8"))
    .join("");
}

/** Lines of /proc/pid/maps (proc(5)). */
function mapsIn(captures: readonly CaptureRecord[]): MapEntry[] {
  return textIn(captures, "maps")
    .split("\n")
    .flatMap((line) => {
      const match = /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) (\S{4}) ([0-9a-f]{1,16}) \S+ \d+\s*(.*)$/.exec(line);
      return match === null
        ? []
        : [
            {
              start: plain(match[1]),
              end: plain(match[2]),
              perms: match[3] ?? "",
              offset: plain(match[4]),
              path: match[5] === "" || match[5] === undefined ? null : match[5].replace(/ \(deleted\)$/, ""),
            },
          ];
    });
}

function plain(digits: string | undefined): string {
  return `0x${(digits ?? "0").replace(/^0+(?=.)/, "")}`;
}

/** By the instruction where it is known; the processor's own code tells reads from writes in any case. */
function accessAt(record: SignalRecord, instruction: string | null, kernelAddress: string | null): Access | null {
  if (!ACCESS_SIGNALS.has(record.number) || record.code <= 0) {
    return null;
  }
  const pc = `0x${(record.registers[REGISTER.rip] ?? 0n).toString(16)}`;
  const named = Object.fromEntries(registersOf(record.registers).map(({ name, value }) => [name, value]));
  const access = accessOf({ instruction, registers: named, pc, kernelAddress });
  const told = record.registers[REGISTER.trap] === PAGE_FAULT ? (record.registers[REGISTER.err] ?? 0n) : null;
  if (access === null || told === null || access.kind === "execute") {
    return access;
  }
  return { ...access, kind: (told & FETCH) !== 0n ? "execute" : (told & WRITE) !== 0n ? "write" : "read" };
}

function memoryIn(
  captures: readonly CaptureRecord[],
  registers: Crash["registers"],
  maps: readonly MapEntry[],
): Crash["memory"] {
  return captures
    .filter(({ part }) => part === "window")
    .flatMap(({ index, address, bytes }) => {
      const register = registerName(index);
      const value = registers.find(({ name }) => name === register)?.value;
      return value === undefined
        ? []
        : [
            {
              register,
              value,
              region: regionOf(value, maps),
              start: `0x${address.toString(16)}`,
              bytes: bytes.length === 0 ? null : bytes.toString("hex"),
            },
          ];
    });
}

function unloadedBefore(box: Box, record: SignalRecord): Crash["unloaded"] {
  return box.modulesGone
    .filter(({ order }) => order < record.order)
    .flatMap(({ id }) => box.modules.find((module) => module.id === id) ?? [])
    .filter(({ path }) => path !== "")
    .map(({ path, low, high }) => ({ path, start: `0x${low.toString(16)}`, end: `0x${high.toString(16)}` }));
}

function threadOf(
  told: Told,
  box: Box,
  record: SignalRecord,
  captures: readonly CaptureRecord[],
  executable: string | null,
): Crash["threads"][number] {
  const stack = stackOf(told, box, record.stack, "fault", "");
  const words = textIn(captures, "hostFrames");
  const hosts = words === "" ? [] : readHostFrames(runtimeOf(words), [words.endsWith("\n") ? words : `${words}\n`]);
  const frames: Frame[] = fold(withHostFrames(stack?.frames ?? [], hosts, executable), 0);
  return {
    tid: record.tid,
    name: record.threadName === "" ? null : record.threadName,
    faulting: true,
    goroutine: null,
    frames,
    truncated: stack === null ? "no stack was recorded" : stack.truncated,
  };
}

/** By the form of its words. */
function runtimeOf(words: string): string {
  return /^ {2}File "/m.test(words)
    ? "python"
    : /^goroutine /m.test(words)
      ? "go"
      : /^Java frames:/m.test(words)
        ? "java"
        : "node";
}

function handlersBefore({ boxes, symbols }: Told, box: Box, record: SignalRecord): Crash["handlers"] {
  return box.handlers
    .filter(({ order }) => order < record.order)
    .map(({ number, handler, flags, order }) => {
      const module = handler <= SIG_IGN ? null : boxes.moduleAt(box, handler, order);
      return {
        signal: NAMES[number] ?? String(number),
        handler: handler <= SIG_IGN ? null : `0x${handler.toString(16)}`,
        module: module?.path ?? null,
        function: module === null ? null : (symbols.at(module.path, handler - module.base).at(-1)?.function ?? null),
        onStack: (flags & SA_ONSTACK) !== 0,
      };
    });
}

function abortMessage(captures: readonly CaptureRecord[]): Crash["abortMessage"] {
  const text = textIn(captures, "abortMessage").replace(/\0.*$/s, "").trim();
  return text === "" ? null : { text, from: "glibc's message of its last abort" };
}

/** The watched blocks that registers and the fault's address point into. */
function heapFacts(told: Told, box: Box, captures: readonly CaptureRecord[]): NonNullable<Crash["heap"]> {
  const digits = (byte: number): string => byte.toString(16).padStart(2, "0");
  return {
    guarded: box.header.heapMode === "guard",
    allocFill: digits(box.header.allocFill),
    freeFill: digits(box.header.freeFill),
    pointers: captures
      .filter(({ part }) => part === "pointer")
      .flatMap(({ index, bytes }) => {
        const pointer = pointerIn(bytes);
        if (pointer === null || pointer.how === null) {
          return [];
        }
        const { alloc, free } = livesOf(told, box, pointer.block);
        return [
          {
            register: index === constants.indexFault ? ADDRESS : registerName(index),
            value: `0x${pointer.value.toString(16)}`,
            truncated: pointer.how === "truncated",
            block: blockOf(pointer.block),
            stacks: [free, alloc].filter((stack): stack is Stack => stack !== null),
          },
        ];
      }),
  };
}
