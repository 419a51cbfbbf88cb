import type { StackRole } from "../../model/frame.js";
import { type FrameLine, parseFrameLine } from "./frame-line.js";
import type { Line } from "./lines.js";
import type { LogFacts, ReportStack, SanitizerReport } from "./report.js";
import { headline, hex, hexIn, kindOf, MOST_TEXT, offsetOf, threadIn } from "./report-text.js";

/** Of one log; the rest is counted. A process that races or leaks in ten thousand places is told by fewer. */
const MOST_REPORTS = 500;
const MOST_FRAMES = 300;
const MOST_FAILURES = 20;
/** Frames of a report that make another the same one. */
const SAME_FRAMES = 6;

const SANITIZERS =
  "AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|MemorySanitizer|HWAddressSanitizer";
const ERROR = new RegExp(`^==(\\d{1,9})==\\s?ERROR: (${SANITIZERS}):? (.*)$`);
const WARNING = /^WARNING: (ThreadSanitizer|MemorySanitizer): (.*?)(?: \(pid=(\d{1,9})\))?\s*$/;
const RUNTIME_ERROR = /^(.*?):(\d{1,9}):(?:(\d{1,9}):)? runtime error: (.*)$/;
const LEAK = /^(Direct|Indirect) leak of (\d{1,15}) byte\(s\) in (\d{1,15}) object\(s\) allocated from:/;
const FAILURES =
  /does not come first in initial library list|interleaves with an existing memory mapping|linked against incompatible ASan runtimes|has encountered a fatal error|CHECK failed|unexpected memory mapping|failed to (?:allocate|intercept|mmap|reserve)|ReserveShadowMemoryRange failed|expected '='|Unknown (?:value|flag)|personality|can't find shadow|Shadow memory|unable to mmap/i;

type Collecting = { stack: ReportStack | null };

/** Reads a log line by line. Never throws for what is in it; what is kept is bounded. */
export class ReportReader {
  private readonly reports: SanitizerReport[] = [];
  private readonly known = new Map<string, SanitizerReport>();
  private readonly failures: string[] = [];
  private damaged = 0;
  private omitted = 0;
  private aborting = false;
  private current: SanitizerReport | null = null;
  private into: Collecting = { stack: null };
  /** A summary or a closing line was read, so that the end of the log is no cut. */
  private closed = true;
  /** The next frame names the function of the variable that was overrun, and is no stack. */
  private describing = false;

  take({ text, cut, whole }: Line): void {
    if (cut || !whole) {
      this.damaged += 1;
    }
    if (this.starts(text) || this.current === null) {
      if (this.current === null) {
        this.aside(text);
      }
      return;
    }
    this.continues(this.current, text);
  }

  end(): LogFacts {
    if (this.current !== null && !this.closed && this.current.checker !== UBSAN) {
      this.damaged += 1;
    }
    this.finish();
    const { reports, failures, damaged, omitted, aborting } = this;
    return { reports, failures, damaged, omitted, aborting };
  }

  private starts(text: string): boolean {
    const error = ERROR.exec(text);
    if (error !== null) {
      const [, pid, checker = "", said = ""] = error;
      if (checker === "LeakSanitizer" || FAILURES.test(said)) {
        this.finish();
        this.aside(text);
        return true;
      }
      this.begin(checker, said, Number(pid));
      return true;
    }
    const warning = WARNING.exec(text);
    if (warning !== null) {
      this.begin(warning[1] ?? "", warning[2] ?? "", warning[3] === undefined ? null : Number(warning[3]));
      return true;
    }
    const undefined_ = RUNTIME_ERROR.exec(text);
    if (undefined_ !== null) {
      this.begin(UBSAN, undefined_[4] ?? "", null);
      const [, file = "", line, column] = undefined_;
      this.place = { file, line: Number(line), column: column === undefined ? null : Number(column) };
      return true;
    }
    const leak = LEAK.exec(text);
    if (leak !== null) {
      this.begin("LeakSanitizer", text.replace(/ allocated from:.*/, ""), null);
      if (this.current !== null) {
        this.current.kind = `${leak[1]?.toLowerCase()} leak`;
        this.current.leak = {
          bytes: Number(leak[2]),
          blocks: Number(leak[3]),
          kind: leak[1] === "Direct" ? "definite" : "indirect",
        };
      }
      return true;
    }
    return false;
  }

  /** Where an undefined operation stands in the source; it has a stack only where that was asked for. */
  private place: { file: string; line: number; column: number | null } | null = null;

  private begin(checker: string, said: string, pid: number | null): void {
    this.finish();
    this.closed = false;
    this.describing = false;
    const stack: ReportStack = { role: "fault", thread: threadIn(said) ?? "", frames: [], left: 0 };
    const address = / (?:on address|on unknown address|on|malloc\(\)-ed:) 0x([0-9a-f]{1,16})/.exec(said)?.[1];
    this.current = {
      checker,
      kind: kindOf(said),
      text: headline(said),
      pid,
      thread: threadIn(said),
      access: { kind: null, size: null, address: address === undefined ? null : hex(address) },
      pc: hexIn(/\(pc 0x([0-9a-f]{1,16})/, said),
      block: null,
      leak: null,
      stacks: [stack],
      seen: 1,
    };
    this.into = { stack };
  }

  private continues(report: SanitizerReport, text: string): void {
    const frame = parseFrameLine(text);
    if (frame !== null) {
      this.frame(report, frame);
      return;
    }
    if (/^SUMMARY: /.test(text) || /^==================$/.test(text)) {
      this.closed = true;
      this.finish();
      return;
    }
    if (/^==\d+==ABORTING/.test(text)) {
      this.closed = true;
      this.aborting = true;
      return;
    }
    if (/nested bug in the same thread/.test(text)) {
      this.closed = true;
      this.add(report, "the runtime itself stumbled before it had written the stack");
      return;
    }
    if (!this.access(report, text) && !this.section(report, text)) {
      this.describes(report, text);
    }
  }

  private frame(report: SanitizerReport, frame: FrameLine): void {
    if (this.describing) {
      this.describing = false;
      this.add(report, frame.function === null ? "" : `a local variable of ${frame.function}`);
      return;
    }
    const { stack } = this.into;
    if (stack === null) {
      return;
    }
    if (stack.frames.length >= MOST_FRAMES) {
      stack.left += 1;
    } else {
      stack.frames.push(frame);
    }
  }

  /** "READ of size 1 at 0x60 thread T0", ThreadSanitizer's own form of it, and what is told of a signal. */
  private access(report: SanitizerReport, text: string): boolean {
    const plain = /^(READ|WRITE) of size (\d{1,15}) at 0x([0-9a-f]{1,16})(.*)$/.exec(text);
    if (plain !== null) {
      report.access = {
        kind: plain[1] === "READ" ? "read" : "write",
        size: Number(plain[2]),
        address: hex(plain[3] ?? "0"),
      };
      report.thread = threadIn(plain[4] ?? "") ?? report.thread;
      this.open(report, "fault", report.thread ?? "");
      return true;
    }
    const signal = /The signal is caused by a (READ|WRITE) memory access/.exec(text);
    if (signal !== null) {
      report.access.kind = signal[1] === "READ" ? "read" : "write";
      return true;
    }
    const raced =
      /^ {2}(Previous )?(?:atomic )?(read|write) of size (\d{1,15}) at 0x([0-9a-f]{1,16}) by (.*?)(?: \(mutexes:.*)?:$/i.exec(
        text,
      );
    if (raced === null) {
      return false;
    }
    const [, previous, kind, size, address = "0", said = ""] = raced;
    const by = said.replace(/^thread /, "").replace(/^main thread/, "main");
    if (previous === undefined) {
      report.access = {
        kind: kind?.toLowerCase() === "write" ? "write" : "read",
        size: Number(size),
        address: hex(address),
      };
      report.thread = by;
      this.open(report, "fault", by);
    } else {
      this.open(report, report.kind === "heap-use-after-free" ? "free" : "call", by);
    }
    return true;
  }

  private section(report: SanitizerReport, text: string): boolean {
    const freed = /^freed by (thread .*?) here:$/.exec(text);
    const made = /^(?:previously )?allocated by (thread .*?) here:$/.exec(text);
    if (freed !== null || made !== null) {
      this.open(report, freed === null ? "alloc" : "free", threadIn((freed ?? made)?.[1] ?? "") ?? "");
      return true;
    }
    const heap = /^ {2}Location is heap block of size (\d{1,15}) at 0x([0-9a-f]{1,16}) allocated by (.*?):$/.exec(text);
    if (heap !== null) {
      const start = BigInt(`0x${heap[2]}`);
      const at = report.access.address;
      report.block = {
        address: hex(heap[2] ?? "0"),
        size: Number(heap[1]),
        offset: at === null ? 0 : Number(BigInt(at) - start),
      };
      this.open(report, "alloc", heap[3] ?? "");
      return true;
    }
    const mutex = /^ {2}Mutex (M\d+) acquired here while holding mutex (M\d+) in (.*?):$/.exec(text);
    if (mutex !== null) {
      this.open(report, "call", mutex[3] ?? "");
      this.add(report, `${mutex[1]} was taken while ${mutex[2]} was held`);
      return true;
    }
    if (/^\s*(?:Thread T\d+|Mutex M\d+|As if synchronized|HINT: Memory was)/i.test(text)) {
      this.into = { stack: null };
      return true;
    }
    return false;
  }

  private describes(report: SanitizerReport, text: string): void {
    const near =
      /^0x([0-9a-f]{1,16}) is located (\d{1,15}) bytes (inside of|to the right of|to the left of|after|before) (\d{1,15})-byte region \[0x([0-9a-f]{1,16}),/.exec(
        text,
      );
    if (near !== null) {
      this.into = { stack: null };
      // Of overlapping blocks two are told; the first is the one that is written.
      report.block ??= {
        address: hex(near[5] ?? "0"),
        size: Number(near[4]),
        offset: offsetOf(near[3], Number(near[2]), Number(near[4])),
      };
      report.access.address ??= hex(near[1] ?? "0");
      return;
    }
    const stack = /^Address 0x[0-9a-f]{1,16} is located in stack of thread (.*?) at offset (\d{1,15}) in frame/.exec(
      text,
    );
    if (stack !== null) {
      this.describing = true;
      return;
    }
    const variable =
      /^ {4}\[\d+, \d+\) '(.*?)'(?: \(line (\d+)\))? <== Memory access at offset \d+ (.*?) this variable/.exec(text);
    if (variable !== null) {
      this.add(
        report,
        `it ${variable[3]} '${variable[1]}'${variable[2] === undefined ? "" : ` of line ${variable[2]}`}`,
      );
      return;
    }
    const global =
      /^0x[0-9a-f]{1,16} is located (\d{1,15} bytes (?:to the right of|to the left of|inside of|after|before) global variable '.*?' defined in '.*?')(?: \(0x[0-9a-f]+\))?( of size \d{1,15})/.exec(
        text,
      );
    if (global !== null) {
      this.into = { stack: null };
      this.add(report, `${global[1]}${global[2]}`);
      return;
    }
    const location = /^ {2}Location is (global '.*?' of size \d{1,15}|stack of .*?|TLS of .*?)(?: at 0x.*)?\.?$/.exec(
      text,
    );
    if (location !== null) {
      this.into = { stack: null };
      this.add(report, location[1] ?? "");
      return;
    }
    const hint =
      /Hint: (address points to the zero page|this fault was caused by a dereference of a high value address)/.exec(
        text,
      );
    if (hint !== null) {
      this.add(report, hint[1] ?? "");
    } else if (/^Shadow bytes around/.test(text)) {
      this.into = { stack: null };
    }
  }

  private open(report: SanitizerReport, role: StackRole, thread: string): void {
    const first = report.stacks[0];
    if (first !== undefined && first.frames.length === 0 && report.stacks.length === 1) {
      // The first stack is the fault's, whatever it is called.
      Object.assign(first, { thread: thread || first.thread });
      this.into = { stack: first };
      return;
    }
    const same = report.stacks.find((stack) => stack.role === role);
    const stack: ReportStack = { role, thread, frames: [], left: 0 };
    if (same === undefined) {
      report.stacks.push(stack);
    }
    this.into = { stack: same === undefined ? stack : null };
  }

  private add(report: SanitizerReport, clause: string): void {
    if (clause !== "" && !report.text.includes(clause)) {
      report.text = `${report.text}; ${clause}`.slice(0, MOST_TEXT);
    }
  }

  private aside(text: string): void {
    if (/^==\d+==ABORTING/.test(text)) {
      this.aborting = true;
    } else if (FAILURES.test(text) && this.failures.length < MOST_FAILURES) {
      this.failures.push(text.replace(/^==\d+==\s?(?:ERROR: )?/, "").slice(0, MOST_TEXT));
    }
  }

  private finish(): void {
    const report = this.current;
    this.current = null;
    this.into = { stack: null };
    if (report === null) {
      return;
    }
    const first = report.stacks[0];
    if (this.place !== null && first !== undefined && first.frames.length === 0) {
      first.frames.push({ index: 0, pc: null, function: null, ...this.place, module: null, offset: null, rust: false });
    }
    this.place = null;
    const key = sameness(report);
    const before = this.known.get(key);
    if (before !== undefined) {
      before.seen += 1;
      if (before.leak !== null && report.leak !== null) {
        before.leak = {
          ...before.leak,
          bytes: before.leak.bytes + report.leak.bytes,
          blocks: before.leak.blocks + report.leak.blocks,
        };
      }
    } else if (this.reports.length >= MOST_REPORTS) {
      this.omitted += 1;
    } else {
      this.known.set(key, report);
      this.reports.push(report);
    }
  }
}

const UBSAN = "UndefinedBehaviorSanitizer";

/** The same mistake at the same place: kind, and the first frames by function and place. */
function sameness(report: SanitizerReport): string {
  const frames = (report.stacks[0]?.frames ?? []).slice(0, SAME_FRAMES);
  return JSON.stringify([
    report.checker,
    report.kind,
    frames.map((frame) => frame.function ?? frame.offset ?? frame.pc),
    frames[0]?.file ?? null,
    frames[0]?.line ?? null,
  ]);
}
