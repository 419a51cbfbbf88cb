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
/** More faults, processes and threads than these, and handlers within handlers deeper than these, are not kept. */
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
      const place = { signal: Number(signal), code: Number(code), pc: pc.toLowerCase(), address: null };
      setWithin(this.raised, pid, place);
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
    setWithin(this.handling, `${pid} ${thread}`, [...handling.slice(1 - DEEPEST), top]);
  }

  private kept(fault: Fault): Fault {
    const key = `${fault.pid} ${fault.pc ?? `of ${fault.thread}`} ${fault.address}`;
    const kept = this.faults.get(key) ?? fault;
    setWithin(this.faults, key, kept);
    return kept;
  }
}

function setWithin<K, V>(map: Map<K, V>, key: K, value: V): void {
  if (map.size < MOST || map.has(key)) {
    map.set(key, value);
  }
}

/** The faults of a step, to be asked by where they were. */
export class Faults {
  private readonly exact: ReadonlyMap<string, Fault>;
  private readonly placed: ReadonlyMap<string, Fault>;
  /** Those without a place of their own, by the thread that has not returned from them. */
  private readonly unplaced: ReadonlyMap<string, Fault>;

  constructor(faults: readonly Fault[]) {
    this.exact = new Map(faults.map((fault) => [`${fault.pid} ${fault.pc} ${fault.address}`, fault]));
    this.placed = new Map(faults.map((fault) => [`${fault.pid} ${fault.pc}`, fault]));
    const open = faults.filter(({ pc, returned }) => pc === null && !returned);
    this.unplaced = new Map(open.map((fault) => [`${fault.pid} ${fault.thread}`, fault]));
  }

  /** The one that an access raised; null where a handler took none. */
  raisedBy(pid: number, pc: string, address: string): Fault | null {
    return this.exact.get(`${pid} ${pc} ${address}`) ?? null;
  }

  /** The outermost one in whose handler a stack is, and the index of its frame there. */
  under(pid: number, tid: number | null, frames: readonly RawFrame[]): { fault: Fault; pc: string; at: number } | null {
    for (const at of interrupted(frames).reverse()) {
      for (const pc of instructionsOf(frames[at])) {
        const fault = this.placed.get(`${pid} ${pc}`) ?? this.unplaced.get(`${pid} ${tid}`);
        if (fault !== undefined) {
          return { fault, pc, at };
        }
      }
    }
    return null;
  }
}

/** Of `pcs` the one whose handler a stack is in. */
export function standsOn(frames: readonly RawFrame[], pcs: ReadonlySet<string>): string | null {
  const below = interrupted(frames).flatMap((at) => instructionsOf(frames[at]));
  return below.find((pc) => pcs.has(pc)) ?? null;
}

const LIBC = /\/(?:libc|libpthread|ld-musl)[\w.-]*\.so[.\d]*$/;

/**
 * The frames that a signal interrupted. Right above each is what a handler returns through, which is no function's and so has no name in
 * libc; or Go's panic, which its handler puts there. Without that a frame is a caller, and the instruction that it returns to may be one that faulted
 * at another time.
 */
function interrupted(frames: readonly RawFrame[]): number[] {
  return frames.flatMap(({ fn, obj }, i) => {
    const returns = i > 0 && fn === null && LIBC.test(obj ?? "");
    const isEntry = returns || /^(?:__restore_rt|runtime\.sigpanic)(?:\.abi0)?$/.test(fn ?? "");
    return isEntry && i + 1 < frames.length ? [i + 1] : [];
  });
}

/** Below a handler valgrind takes the instruction for a return address, and tells one byte less. */
function instructionsOf(frame: RawFrame | undefined): string[] {
  return frame === undefined ? [] : [`0x${(BigInt(frame.ip) + 1n).toString(16)}`, frame.ip];
}
