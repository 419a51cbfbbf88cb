import { existsSync } from "node:fs";
import { release } from "node:os";
import { basename, dirname, join } from "node:path";
import type { ToolFact } from "../model/target.js";
import { type CoreAdvice, coreRules, explainCores } from "../survey/core-pattern.js";
import { findRuntimes, packageOf } from "../survey/sanitizers.js";
import { findGdb, findTool, ptraceRules, tryPtrace } from "../survey/tools.js";
import { locateValgrind } from "../survey/valgrind.js";
import { places } from "./places.js";

/** What `env` says: what a verb needs, and what else is here to go on with. */
export interface Environment {
  /** True when `gdb-capture` can be used. */
  usable: boolean;
  system: {
    kernel: string;
    machine: string;
    node: string;
    corePattern: string | null;
    /** Yama's ptrace_scope, 0 to 3; null where there is no Yama. */
    yama: number | null;
    /** A seccomp filter is in force on ffi-doctor, and so on what it starts. */
    seccomp: boolean;
    capSysPtrace: boolean;
    /** Whether this Node takes the options that give JavaScript frames their names. Another `node` may be the target. */
    javascriptNames: boolean;
  };
  /** Where a core of what is started from here would go, and what to type. */
  cores: CoreAdvice & { limit: { soft: number | null; hard: number | null } | null };
  instruments: { name: string; usable: boolean; needs: ToolFact[] }[];
  /** Not needed by ffi-doctor; its reports may tell to use one. */
  alsoHere: ToolFact[];
}

const ALSO = [
  ["gcc", "apt-get install -y gcc"],
  ["clang", "apt-get install -y clang"],
  ["cargo", "apt-get install -y cargo"],
  ["go", "apt-get install -y golang-go"],
] as const;

/** Finds out what can be used here; starts each tool once. */
export async function surveyEnvironment(environment: NodeJS.ProcessEnv): Promise<Environment> {
  const path = environment["PATH"] ?? "";
  const gdb = await findGdb(path, environment["FFI_DOCTOR_GDB"]);
  const ptrace = gdb.usable
    ? await tryPtrace(gdb.path ?? "gdb", places.hold)
    : {
        name: "ptrace",
        path: null,
        version: null,
        usable: false,
        why: "it could not be tried without gdb",
        mend: gdb.mend,
      };
  const needs = [
    gdb,
    ptrace,
    builtPart("native/build/hold", "npm run setup"),
    builtPart("native/build/store/healthy", "npm run setup"),
  ];
  const [hold, store] = [needs[2], needs[3]];
  const alsoHere = await Promise.all(
    ALSO.map(async ([name, mend]) => {
      const fact = await findTool(name, path, name === "go" ? ["version"] : ["--version"]);
      return fact.usable ? fact : { ...fact, mend };
    }),
  );
  const valgrind = await findValgrind(path, environment["FFI_DOCTOR_VALGRIND"]);
  const sanitizer = await addressSanitizer(path);
  const companion = builtPart("native/build/ffi_doctor_companion.so", "npm run setup");
  const recorder = builtPart("native/build/ffi_doctor_recorder.so", "npm run setup");
  const rules = coreRules(environment);
  const { soft, hard } = rules;
  const usable = gdb.usable && ptrace.usable && hold?.usable === true;
  return {
    usable,
    system: {
      kernel: release(),
      machine: process.arch,
      node: process.versions.node,
      corePattern: rules.pattern,
      ...ptraceRules(),
      javascriptNames: process.allowedNodeEnvironmentFlags.has("--perf-basic-prof-only-functions"),
    },
    cores: { ...explainCores(rules), limit: soft === undefined || hard === undefined ? null : { soft, hard } },
    instruments: [
      { name: "run", usable: recorder.usable, needs: [recorder] },
      { name: "gdb-capture", usable, needs: [gdb, ptrace, ...(hold === undefined ? [] : [hold])] },
      { name: "core", usable: gdb.usable, needs: [gdb] },
      { name: "valgrind", usable: valgrind.usable, needs: [valgrind] },
      { name: "asan", usable: sanitizer.usable && companion.usable, needs: [sanitizer, companion] },
      {
        name: "gdb-capture --demo, store",
        usable: usable && store?.usable === true,
        needs: store === undefined ? [] : [store],
      },
    ],
    alsoHere,
  };
}

async function findValgrind(path: string, named: string | undefined): Promise<ToolFact> {
  const located = locateValgrind(path, named);
  if (located.path === null) {
    return located;
  }
  const asked = await findTool(basename(located.path), dirname(located.path));
  return { ...located, version: asked.version };
}

async function addressSanitizer(path: string): Promise<ToolFact> {
  const [runtime] = await findRuntimes("address", path);
  return {
    name: "AddressSanitizer's runtime",
    path: runtime?.file ?? null,
    version: null,
    usable: runtime !== undefined,
    why: runtime === undefined ? "no compiler's is installed" : null,
    mend: runtime === undefined ? `apt-get install -y ${packageOf("address")}` : null,
  };
}

function builtPart(name: string, mend: string): ToolFact {
  const path = join(places.root, name);
  const usable = existsSync(path);
  return {
    name,
    path: usable ? path : null,
    version: null,
    usable,
    why: usable ? null : "it is not built",
    mend: usable ? null : mend,
  };
}
