import { basename } from "node:path";
import type { LoadFailure } from "../model/crash.js";
import type { NextStep } from "../model/finding.js";
import type { FindingCode } from "../model/finding-code.js";
import type { Blame, Confidence } from "../model/primitives.js";
import { quoteAll } from "./next-steps.js";

/** ld.so ends a process that it cannot start or bind with this status (ld.so(8)). */
const LINKER_GAVE_UP = 127;

/** What is said of a process that died because the dynamic linker could not help it. */
export interface LoadDiagnosis {
  code: FindingCode;
  title: string;
  message: string;
  confidence: Confidence;
  blame: Blame;
  blameReason: string;
  evidence: string[];
  nextSteps: NextStep[];
}

export function diagnoseLoad(failure: LoadFailure): LoadDiagnosis {
  const library = failure.library === null ? "a library" : basename(failure.library);
  const path = quoteAll([failure.library ?? "<library>"]);
  const common = {
    confidence: failure.exitCode === LINKER_GAVE_UP ? ("proved" as const) : ("likely" as const),
    evidence: [`the dynamic linker said: ${failure.message}`, failure.from],
  };
  return failure.symbol === null
    ? {
        ...common,
        code: "library-not-loadable",
        title: `${library} cannot be loaded: ${reasonOf(failure.message)}`,
        message: `The dynamic linker refused it: "${failure.message}". The process ended because of it. ${mendOf(failure.message)}`,
        blame: "boundary",
        blameReason: "the library and the place it is to run in do not fit; neither side's code had begun",
        nextSteps: [
          ...lookAt(failure, path),
          {
            command: `LD_DEBUG=libs ${quoteAll(failure.command)}`,
            why: "every place that is searched, in order",
            cost: "one run, much output",
          },
        ],
      }
    : {
        ...common,
        code: "missing-symbol",
        title: `${library} has no symbol ${failure.symbol}`,
        message: `"${failure.message}". The process ended because of it. The library is another version than the host expects, the name is misspelt, or it is C++ without extern "C".`,
        blame: "boundary",
        blameReason: "host and library disagree on what the library exports",
        nextSteps: [
          {
            command: `nm -D --defined-only ${path} | grep -i ${quoteAll([failure.symbol.slice(0, 40)])}`,
            why: "what it exports under that name",
            cost: "seconds",
          },
        ],
      };
}

/** A file that is there is looked into; one that is not is looked for. */
function lookAt(failure: LoadFailure, path: string): NextStep[] {
  if (/cannot open shared object file/.test(failure.message)) {
    const name = failure.library === null ? "<library>" : basename(failure.library);
    return [
      {
        command: `ldconfig -p | grep -F ${quoteAll([name])}`,
        why: "whether the system knows it",
        cost: "seconds",
      },
      {
        command: `ldd ${quoteAll(failure.command.slice(0, 1))}`,
        why: "what the program itself needs, and what of it is not found",
        cost: "seconds",
      },
    ];
  }
  return [
    { command: `ldd ${path}`, why: "its dependencies, and which of them are not found", cost: "seconds" },
    { command: `file -L ${path}`, why: "which machine it is built for", cost: "seconds" },
  ];
}

function reasonOf(message: string): string {
  if (/wrong ELF class|invalid ELF header|file too short|not a dynamic/.test(message)) {
    return "not a library for this machine";
  }
  if (/version `[^']*' not found/.test(message)) {
    return `it needs ${/version `([^']*)'/.exec(message)?.[1] ?? "a newer version"}`;
  }
  return /cannot open shared object file/.test(message) ? "not found" : "the dynamic linker refused it";
}

function mendOf(message: string): string {
  if (/version `[^']*' not found/.test(message)) {
    return "It was built against a newer library than the one here: build it on the older system, or update here.";
  }
  return /cannot open shared object file/.test(message)
    ? "Put it where it is searched (LD_LIBRARY_PATH, the RUNPATH of whoever loads it, /etc/ld.so.conf), or name it by its full path."
    : "";
}
