import type { SignalInfo } from "../../model/crash.js";
import type { RawSiginfo } from "./records.js";

/** si_code names of sigaction(2). */
const SENT: Record<number, string> = {
  0: "SI_USER",
  [-1]: "SI_QUEUE",
  [-2]: "SI_TIMER",
  [-3]: "SI_MESGQ",
  [-4]: "SI_ASYNCIO",
  [-6]: "SI_TKILL",
};
const KERNEL = 128;
const FAULTS: Record<string, Record<number, string>> = {
  SIGSEGV: { 1: "SEGV_MAPERR", 2: "SEGV_ACCERR", 3: "SEGV_BNDERR", 4: "SEGV_PKUERR" },
  SIGBUS: { 1: "BUS_ADRALN", 2: "BUS_ADRERR", 3: "BUS_OBJERR", 4: "BUS_MCEERR_AR", 5: "BUS_MCEERR_AO" },
  SIGILL: {
    1: "ILL_ILLOPC",
    2: "ILL_ILLOPN",
    3: "ILL_ILLADR",
    4: "ILL_ILLTRP",
    5: "ILL_PRVOPC",
    6: "ILL_PRVREG",
    7: "ILL_COPROC",
    8: "ILL_BADSTK",
  },
  SIGFPE: {
    1: "FPE_INTDIV",
    2: "FPE_INTOVF",
    3: "FPE_FLTDIV",
    4: "FPE_FLTOVF",
    5: "FPE_FLTUND",
    6: "FPE_FLTRES",
    7: "FPE_FLTINV",
    8: "FPE_FLTSUB",
  },
  SIGTRAP: { 1: "TRAP_BRKPT", 2: "TRAP_TRACE" },
  SIGSYS: { 1: "SYS_SECCOMP" },
};

/** A siginfo as the report has it. A sent signal (si_code <= 0) has a sender and never an address: the union holds a pid there. */
export function signalInfo(name: string, raw: RawSiginfo): SignalInfo {
  const code = raw.code ?? 0;
  const forged = code <= 0;
  const codeName = forged ? SENT[code] : code === KERNEL ? "SI_KERNEL" : FAULTS[name]?.[code];
  const addressed = !forged && code !== KERNEL && name !== "SIGABRT" && name !== "SIGSYS";
  return {
    name,
    number: raw.signo ?? 0,
    code,
    codeName: codeName ?? `code ${code}`,
    address: addressed ? (raw.addr ?? null) : null,
    forged,
    senderPid: forged ? (raw.sender ?? null) : null,
  };
}

/** The pseudo-signals of the timeline: a panic and a runtime's fatal exit are events without a siginfo. */
export function noSignal(name: "PANIC" | "EXIT" | "STOPPED"): SignalInfo {
  return { name, number: 0, code: 0, codeName: "none", address: null, forged: false, senderPid: null };
}
