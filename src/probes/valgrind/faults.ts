import type { RawFrame } from "./records.js";

/** What `--trace-signals=yes` tells of a fault that a process's own handler took (coregrind/m_signals.c). */
export interface Fault {
  pid: number;
  /** By valgrind's own count. */
  thread: number;
  signal: number;
  name: string;
  /** si_code of the signal. */
  code: number;
  /** As memcheck writes them in an error; null for one that valgrind raised itself, as for an address that is not aligned. */
  pc: string | null;
  /** That it faulted at, where the signal has one. */
  address: string | null;
  /** The handler returned, so that the instruction was run again. */
  returned: boolean;
}

const RAISED = /^sync signal handler: signal=(\d{1,3}), si_code=(\d{1,5}), EIP=(0x[0-9a-f]{1,16}), /i;
const FAULTED = /^SIGSEGV: si_code=\d+ faultaddr=(0x[0-9a-f]{1,16}) tid=/i;
const DELIVERED = /^delivering signal (\d{1,3}) \((\w+)\):(-?\d{1,5}) to thread (\d{1,9})$/;
const RETURNED = /^VG_\(signal_return\) \(thread (\d{1,9})\)/;
const SIGSEGV = 11;
const SI_KERNEL = 128;
/** More faults than these, and handlers within handlers deeper than these, are not kept. */
const MOST = 10_000;
const DEEPEST = 64;

/** Follows the signals of the processes of one log. */
export class FaultReader {
  private readonly faults = new Map<string, Fault>();
  /** The last fault of each process, until it is delivered: of a stack that grows valgrind itself takes care. */
  private readonly raised = new Map<number, Pick<Fault, "signal" | "code" | "pc" | "address">>();
  /** The signals that each thread is handling, innermost last; null for one that is no fault. */
  private readonly handling = new Map<string, (Fault | null)[]>();

  take(pid: number, text: string): void {
    const raised = RAISED.exec(text);
    if (raised !== null) {
      const [, signal, code, pc = ""] = raised;
      this.raised.set(pid, { signal: Number(signal), code: Number(code), pc: pc.toLowerCase(), address: null });
      return;
    }
    const faulted = FAULTED.exec(text);
    const open = this.raised.get(pid);
    if (faulted !== null && open !== undefined) {
      open.address = faulted[1]?.toLowerCase() ?? null;
      return;
    }
    const delivered = DELIVERED.exec(text);
    if (delivered !== null) {
      const [, signal, name = "", code, thread] = delivered;
      this.deliver({ pid, thread: Number(thread), signal: Number(signal), name, code: Number(code) });
      return;
    }
    const returned = RETURNED.exec(text);
    const fault = returned === null ? null : this.handling.get(`${pid} ${returned[1]}`)?.pop();
    if (fault) {
      fault.returned = true;
    }
  }

  found(): Fault[] {
    return [...this.faults.values()];
  }

  private deliver(said: Pick<Fault, "pid" | "thread" | "signal" | "name" | "code">): void {
    const { pid, thread, signal, code } = said;
    const raised = this.raised.get(pid);
    const place = raised?.signal === signal && raised.code === code ? raised : { pc: null, address: null };
    if (place === raised) {
      this.raised.delete(pid);
    }
    const isFault = place === raised || (code === SI_KERNEL && signal === SIGSEGV);
    const handling = this.handling.get(`${pid} ${thread}`) ?? [];
    const top = isFault ? this.kept({ ...said, pc: place.pc, address: place.address, returned: false }) : null;
    this.handling.set(`${pid} ${thread}`, [...handling.slice(1 - DEEPEST), top]);
  }

  private kept(fault: Fault): Fault {
    const key = `${fault.pid} ${fault.pc ?? `of ${fault.thread}`} ${fault.address}`;
    const kept = this.faults.get(key) ?? fault;
    if (this.faults.size < MOST) {
      this.faults.set(key, kept);
    }
    return kept;
  }
}

/** The earlier fault on which a handler runs. The innermost instruction, which calls inlined into one another share, is no handler's. */
export function standsOn(pcs: readonly string[], faults: ReadonlySet<string>): string | null {
  for (const pc of pcs.filter((one) => one !== pcs[0])) {
    const fault = faultAt(pc, faults);
    if (fault !== null) {
      return fault;
    }
  }
  return null;
}

/** The fault of a frame below a handler's: its instruction stands there as a caller, which valgrind tells as one byte less. */
export function faultAt(pc: string, faults: ReadonlySet<string>): string | null {
  const next = `0x${(BigInt(pc) + 1n).toString(16)}`;
  return faults.has(next) ? next : faults.has(pc) ? pc : null;
}

const LIBC = /\/(?:libc|libpthread|ld-musl)[\w.-]*\.so[.\d]*$/;

/**
 * Where a fault was that valgrind raised itself, by a stack of the thread that handles it: below the frame of libc's that a handler
 * returns through, which has no name as it is no function's.
 */
export function instructionOf(fault: Fault, stack: { tid: number | null; frames: readonly RawFrame[] }): string | null {
  if (fault.pc !== null || fault.returned || fault.thread !== stack.tid) {
    return null;
  }
  const at = stack.frames.findIndex(({ fn, obj }, i) => i > 0 && fn === null && LIBC.test(obj ?? ""));
  const below = at === -1 ? undefined : stack.frames[at + 1];
  return below === undefined ? null : `0x${(BigInt(below.ip) + 1n).toString(16)}`;
}
