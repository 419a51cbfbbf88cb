import type { Crash } from "../model/crash.js";
import type { Coverage, Evidence, FileFacts, LibraryInfo, Obstacle } from "../model/evidence.js";
import type { RunManifest, StepRecord } from "../model/manifest.js";
import { isSecondPass } from "../model/plan.js";
import type { DecodedStep } from "../model/recording.js";
import { readFiles } from "../rundir/read-run.js";
import type { RunDirectory } from "../rundir/run-directory.js";
import { decodeStep } from "./decode-step.js";
import { diedProcesses, unexplainedEnds } from "./ends.js";
import { parseHsErr } from "./hs-err.js";
import { joinCrash } from "./join.js";
import { joinCheckerError, selectErrors } from "./join-checker.js";
import { EXE, librariesInQuestion, type Question } from "./libraries.js";
import { oncePerError } from "./second-pass.js";

/** Frames of a process that was let go which an obstacle names. */
const WHERE_FRAMES = 4;

/** All that a run directory holds, as evidence: steps decoded, stacks joined. */
export function collectEvidence(directory: RunDirectory, manifest: RunManifest, libs: readonly string[]): Evidence {
  const files = new Map(
    manifest.steps.flatMap((step) => readFiles(directory, step.id)).map((file) => [file.path, file]),
  );
  const question = librariesInQuestion(libs, [...files.values()]);
  const steps = oncePerError(manifest.steps.map((step) => ({ step, decoded: decodeStep(directory, step, manifest) })));
  const crashes = steps.flatMap(({ step, decoded }) =>
    decoded.crashes.map((crash) => ({
      ...joinCrash(crash, files, question),
      hostReport: hostReport(directory, step, crash.pid),
    })),
  );
  const joined = steps.flatMap(({ decoded }) =>
    decoded.checkerErrors.map((error) => joinCheckerError(error, files, question)),
  );
  const processes = steps.flatMap(({ decoded }) => decoded.processes);
  const started = processes.filter(({ pid }) => manifest.steps.some((step) => step.pid === pid));
  const died = diedProcesses(
    processes,
    joined.map(({ error }) => error),
  );
  const atTheEnd = joined.filter(({ error }) => error.mistake !== "leak" || !died.has(error.pid));
  const { shown, notShown } = selectErrors(atTheEnd, manifest.options.scope);
  const coverage = mergeCoverage(steps.flatMap(({ decoded }) => decoded.coverage));
  const [first] = coverage;
  // What holds for the whole run is told once; what a crash lacks, by whoever saw it.
  const blindOf = (entry: Coverage): Coverage["blindSpots"] => [
    ...(entry === first ? unmatchedSpots(question, files.size > 0) : []),
    ...unexplained(
      crashes.filter(({ probe }) => probe === entry.probe),
      files,
      question,
    ),
  ];
  return {
    processes,
    libraries: describe(files, question, crashes),
    crashes,
    loadFailures: steps.flatMap(({ decoded }) => decoded.loadFailures),
    checkerErrors: shown,
    coverage: coverage.map((entry) => ({
      ...entry,
      blindSpots: [
        ...entry.blindSpots,
        ...blindOf(entry).filter((spot) => !saidMore(entry.blindSpots, spot)),
        ...(isChecker(entry.probe) ? unexplainedEnds(entry.probe, started, shown) : []),
      ],
      notShown: summed([...entry.notShown, ...(notShown.get(entry.probe) ?? [])]),
    })),
    obstacles: [
      ...steps.flatMap(({ step, decoded }) => obstaclesOf(step, decoded, manifest)),
      ...notThere(question, files),
    ],
    runs: steps.filter(({ step }) => !isSecondPass(step)).length,
    outcome: steps.findLast(({ step }) => !isSecondPass(step))?.step.outcome ?? {
      exitCode: null,
      signal: null,
      timedOut: false,
    },
  };
}

/** The evidence of several run directories as one. */
export function mergeEvidence(parts: readonly Evidence[]): Evidence {
  const last = parts.at(-1);
  return {
    processes: parts.flatMap((part) => part.processes),
    libraries: [...new Map(parts.flatMap((part) => part.libraries).map((library) => [library.path, library])).values()],
    crashes: parts.flatMap((part) => part.crashes),
    loadFailures: parts.flatMap((part) => part.loadFailures),
    checkerErrors: parts.flatMap((part) => part.checkerErrors),
    coverage: mergeCoverage(parts.flatMap((part) => part.coverage)),
    obstacles: parts.flatMap((part) => part.obstacles),
    runs: parts.reduce((sum, part) => sum + part.runs, 0),
    outcome: last?.outcome ?? { exitCode: null, signal: null, timedOut: false },
  };
}

/** A debugger sees how a process ends; these see errors on the way. */
function isChecker(probe: Coverage["probe"]): boolean {
  return probe === "valgrind" || probe === "asan";
}

function hostReport(directory: RunDirectory, step: StepRecord, pid: number): Crash["hostReport"] {
  const file = `raw/${step.id}/hs_err_pid${pid}.log`;
  const text = directory.read(file);
  return text === null ? null : parseHsErr(text, file);
}

function describe(files: ReadonlyMap<string, FileFacts>, question: Question, crashes: readonly Crash[]): LibraryInfo[] {
  const paths = new Set(question.paths);
  for (const module of crashes.flatMap((crash) => crash.modules)) {
    if (module.inQuestion) {
      paths.add(module.path);
    }
  }
  return [...paths].flatMap((path) => {
    const facts = files.get(path);
    const module = crashes.flatMap((crash) => crash.modules).find((candidate) => candidate.path === path);
    const { soname = null, buildId = null, debugInfo = false } = facts ?? module ?? {};
    return [{ path, soname, buildId: buildId ?? module?.buildId ?? null, debugInfo }];
  });
}

/** One entry a probe: the same is looked for in each run, and what one could not see is said once. */
function mergeCoverage(all: readonly Coverage[]): Coverage[] {
  const merged = new Map<string, Coverage>();
  for (const entry of all) {
    const known = merged.get(entry.probe) ?? { ...entry, lookedFor: [], blindSpots: [], notShown: [] };
    const said = new Set(known.blindSpots.map((spot) => JSON.stringify(spot)));
    merged.set(entry.probe, {
      probe: entry.probe,
      lookedFor: [...new Set([...known.lookedFor, ...entry.lookedFor])],
      blindSpots: [...known.blindSpots, ...entry.blindSpots.filter((spot) => !said.has(JSON.stringify(spot)))],
      notShown: summed([...known.notShown, ...entry.notShown]),
    });
  }
  return [...merged.values()];
}

function summed(counts: Coverage["notShown"]): Coverage["notShown"] {
  const sums = new Map<string, number>();
  for (const { what, count } of counts) {
    sums.set(what, (sums.get(what) ?? 0) + count);
  }
  return [...sums].map(([what, count]) => ({ what, count }));
}

/** Of a library that is not here as the process had it, that its lines are not known is the least. */
function saidMore(said: Coverage["blindSpots"], { what }: Coverage["blindSpots"][number]): boolean {
  const path = what.startsWith(LINES_IN) ? what.slice(LINES_IN.length) : null;
  return path !== null && said.some((spot) => spot.what.startsWith(`functions in ${path}`));
}

const LINES_IN = "source lines and arguments in ";

function unmatchedSpots(question: Question, seen: boolean): Coverage["blindSpots"] {
  return question.unmatched.map((lib) => ({
    what: `the library ${lib}`,
    why: seen ? "--lib named it, and no process of the target loaded it" : "nothing is known of what was loaded",
    mend: "name a library by its file name, soname or a quoted glob on its path",
  }));
}

/** What every interpreted JavaScript function is in a native stack, unless V8 was asked to make frames of their own. */
const INTERPRETED = "Builtins_InterpreterEntryTrampoline";

const NAMELESS_JAVASCRIPT = {
  what: "names of JavaScript functions",
  why: "V8 was not asked to write them down when the process started",
  mend: "start it by ffi-doctor gdb-capture -- node ..., or with NODE_OPTIONS='--perf-basic-prof-only-functions --interpreted-frames-native-stack'",
};

/** CPython's evaluator: each call of it runs one or more Python functions. */
const EVALUATOR = "_PyEval_EvalFrameDefault";

const NAMELESS_PYTHON = {
  what: "names of Python functions",
  why: "this CPython is older than 3.11, or free-threaded: where it keeps its frames is not known",
  mend: "run it by CPython 3.11 or newer; or with -X faulthandler, which prints them to standard error",
};

const NAMELESS_JAVA = {
  what: "names of Java methods",
  why: "this JVM does not tell what HotSpot tells of itself, or its structures were damaged",
  mend: "look for the JVM's own error report, or run it by a HotSpot JVM",
};

/** Libraries on a fault stack whose functions or lines nobody can name. */
function unexplained(
  crashes: readonly Crash[],
  files: ReadonlyMap<string, FileFacts>,
  question: Question,
): Coverage["blindSpots"] {
  const onStack = crashes.flatMap((crash) => crash.threads.filter(({ faulting }) => faulting).flatMap((t) => t.frames));
  const nameless =
    crashes.some(({ hostRuntime }) => hostRuntime === "node") &&
    onStack.some(({ kind, function: name }) => (kind === "jit" && name === null) || name === INTERPRETED);
  const runtimes = new Set(crashes.map(({ hostRuntime }) => hostRuntime));
  const pythonless =
    runtimes.has("python") &&
    onStack.some(({ function: name }) => name === EVALUATOR) &&
    !onStack.some(({ kind }) => kind === "interpreted");
  const javaless =
    runtimes.has("java") &&
    onStack.some(({ kind }) => kind === "jit") &&
    !onStack.some(({ language }) => language === "java");
  const paths = new Set(onStack.filter(({ side }) => side === "library").map(({ module }) => module ?? ""));
  return [
    ...(nameless ? [NAMELESS_JAVASCRIPT] : []),
    ...(pythonless ? [NAMELESS_PYTHON] : []),
    ...(javaless ? [NAMELESS_JAVA] : []),
    ...[...paths].flatMap((path) =>
      (question.paths.has(path) || !question.explicit) && files.get(path)?.debugInfo === false
        ? [
            {
              what: `${LINES_IN}${path}`,
              why: "it was built without debug information, or stripped",
              mend: "build it with debug information (gcc -g, cargo's debug = 1), same optimisation",
            },
          ]
        : [],
    ),
  ];
}

function obstaclesOf(step: StepRecord, decoded: DecodedStep, manifest: RunManifest): Obstacle[] {
  const died = decoded.crashes.some((crash) => crash.terminal !== null);
  const out = [...step.obstacles, ...(decoded.obstacles ?? [])];
  if (step.outcome.timedOut && !died) {
    const limit = manifest.options.timeout;
    const where = decoded.crashes.map(whereItWas).join("; ");
    out.push({
      what: `the time limit${limit === null ? "" : ` of ${limit} s`} was over before anything went wrong`,
      why: where === "" ? "where the target was could not be seen" : `the target was in ${where}`,
      mend:
        decoded.crashes.length > 0
          ? "raise --timeout; or, if it hangs, see below where its threads were"
          : `raise --timeout; or, if it hangs: ffi-doctor gdb-capture --timeout ${limit ?? 60} -- <command> shows where its threads are`,
    });
  }
  if (decoded.lost !== null && !died && out.length === 0) {
    const words = step.probe === "gdb" ? "gdb.out in the run directory has gdb's" : "raw in the run directory has its";
    out.push({
      what: "not all that happened was recorded, and no crash in what was",
      why: decoded.lost,
      mend: `run it again; ${words} own words`,
    });
  }
  return out;
}

function whereItWas(crash: Crash): string {
  const frames = crash.threads.find(({ faulting }) => faulting)?.frames ?? [];
  const names = frames.slice(0, WHERE_FRAMES).map((frame) => frame.function ?? frame.pc);
  return `${names.join(" <- ")} (pid ${crash.pid})`;
}

/** Inconclusive only when none of the libraries that `--lib` names was ever there. */
function notThere(question: Question, files: ReadonlyMap<string, FileFacts>): Obstacle[] {
  if (!question.explicit || question.exe || question.paths.size > 0 || files.size === 0) {
    return [];
  }
  return [
    {
      what: `none of the libraries in question was loaded: ${question.unmatched.join(", ")}`,
      why: "--lib names a file, a soname or a glob on the full path, never a part of a name",
      mend: `leave --lib out, or use --lib ${EXE} for code inside the executable`,
    },
  ];
}
