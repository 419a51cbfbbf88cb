import { existsSync, readFileSync } from "node:fs";
import { execa } from "execa";
import type { ToolFact } from "../model/target.js";
import { INSTALL_GDB, locateGdb, which } from "./gdb.js";

const OLDEST_GDB = 10;
const ASK_LIMIT_MS = 20_000;

/** gdb, asked for its version and its Python in one start of about 60 ms. `named` is FFI_DOCTOR_GDB, which goes before PATH. */
export async function findGdb(path: string, named?: string): Promise<ToolFact> {
  const located = locateGdb(path, named);
  const file = located.path;
  if (file === null) {
    return located;
  }
  const asked = await execa(file, ["-nx", "-batch", "-ex", "python print('python', gdb.VERSION)"], {
    reject: false,
    timeout: ASK_LIMIT_MS,
    stdin: "ignore",
    all: true,
  });
  const said = asked.all ?? "";
  const version = /^python (\S+)/m.exec(said)?.[1] ?? null;
  if (version === null) {
    if (/Python scripting is not supported|not supported in this copy/i.test(said)) {
      return unusable(file, null, "it was built without Python", INSTALL_GDB);
    }
    const why = said.trim().split("\n").at(-1) || asked.shortMessage || "it said nothing";
    return unusable(file, null, `it does not run: ${why}`, INSTALL_GDB);
  }
  return Number.parseInt(version, 10) < OLDEST_GDB
    ? unusable(file, version, `version ${version} is too old; ${OLDEST_GDB} or newer is needed`, INSTALL_GDB)
    : { name: "gdb", path: file, version, usable: true, why: null, mend: null };
}

function unusable(path: string | null, version: string | null, why: string, mend: string): ToolFact {
  return { name: "gdb", path, version, usable: false, why, mend };
}

/** Whether gdb may watch a process here: tried on a process of our own, as no rule book knows every container. */
export async function tryPtrace(gdb: string, hold: string): Promise<ToolFact> {
  const fact = (usable: boolean, why: string | null, mend: string | null): ToolFact => ({
    name: "ptrace",
    path: null,
    version: null,
    usable,
    why,
    mend,
  });
  if (!existsSync(hold)) {
    return fact(false, "native/build/hold is not built", "npm run setup");
  }
  const held = execa(hold, ["3", "-", "/bin/true", "true"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
    reject: false,
    timeout: ASK_LIMIT_MS,
  });
  const tried = await execa(gdb, ["-nx", "-batch", "-ex", `attach ${held.pid ?? 0}`, "-ex", "detach"], {
    reject: false,
    timeout: ASK_LIMIT_MS,
    stdin: "ignore",
    all: true,
  });
  held.kill("SIGKILL");
  await held;
  const refused = /ptrace: .*|Could not attach.*|Operation not permitted.*/i.exec(tried.all ?? "")?.[0];
  return refused === undefined ? fact(true, null, null) : fact(false, `${refused}${ruleOf()}`, mendOf());
}

function ruleOf(): string {
  const { yama, seccomp } = ptraceRules();
  if (yama !== null && yama > 0) {
    return ` (Yama's ptrace_scope is ${yama})`;
  }
  return seccomp ? " (a seccomp filter is in force: a container's default forbids ptrace)" : "";
}

function mendOf(): string {
  const yama = yamaScope();
  if (yama !== null && yama > 0) {
    return "sysctl kernel.yama.ptrace_scope=0";
  }
  return "docker run --cap-add=SYS_PTRACE --security-opt seccomp=unconfined ...";
}

const CAP_SYS_PTRACE = 19n;
const SECCOMP_FILTER = "2";

/** The kernel's rules on ptrace for this process, as proc(5), capabilities(7) and seccomp(2) tell them. */
export function ptraceRules(): { yama: number | null; seccomp: boolean; capSysPtrace: boolean } {
  const effective = field("/proc/self/status", /^CapEff:\s*([0-9a-f]+)/m) ?? "0";
  return {
    yama: yamaScope(),
    seccomp: field("/proc/self/status", /^Seccomp:\s*(\d)/m) === SECCOMP_FILTER,
    capSysPtrace: ((BigInt(`0x${effective}`) >> CAP_SYS_PTRACE) & 1n) === 1n,
  };
}

/** Yama's rule for ptrace, 0 to 3 (Documentation/admin-guide/LSM/Yama.rst); null where there is none. */
function yamaScope(): number | null {
  const text = field("/proc/sys/kernel/yama/ptrace_scope", /(\d)/);
  return text === null ? null : Number(text);
}

function field(file: string, pattern: RegExp): string | null {
  try {
    return pattern.exec(readFileSync(file, "utf8"))?.[1] ?? null;
  } catch {
    return null;
  }
}

/** The first line that a tool says about its version; null when it is not there. */
export async function findTool(name: string, path: string, args: readonly string[] = ["--version"]): Promise<ToolFact> {
  const file = which(name, path);
  if (file === null) {
    return { name, path: null, version: null, usable: false, why: "it is not installed", mend: null };
  }
  const asked = await execa(file, [...args], { reject: false, timeout: ASK_LIMIT_MS, stdin: "ignore", all: true });
  const line = (asked.all ?? "").split("\n").find((text) => /\d/.test(text));
  return { name, path: file, version: line?.trim() ?? null, usable: true, why: null, mend: null };
}
