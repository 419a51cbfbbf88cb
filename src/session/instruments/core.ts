import { statSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Obstacle } from "../../model/evidence.js";
import { planCore } from "../../probes/core/plan.js";
import { type CoreFile, isCore, withCore } from "../../survey/core-file.js";
import { type FoundProgram, findProgram, type MappedFile, mappedCode } from "../../survey/core-files.js";
import { noCore, noProgram, notForHere } from "../../survey/core-obstacles.js";
import { locateGdb } from "../../survey/gdb.js";
import { places } from "../places.js";
import type { Preparation, Prepared } from "./instrument.js";

const MIB = 1 << 20;

/** `core`: the file is read here for what it says of itself, and by gdb for the rest. */
export function prepareCore(preparation: Preparation): Prepared {
  const { options } = preparation;
  const file = resolve(options.core?.file ?? "");
  return withCore(file, (core) => (isCore(core) ? planned(core, file, preparation) : refused([noCore(file, core)])));
}

function planned(core: CoreFile, file: string, { options, environment, directory }: Preparation): Prepared {
  const foreign = notForHere(core, file);
  if (foreign !== null) {
    return refused([foreign]);
  }
  const program = findProgram(core, file, options.core?.executable ?? null);
  if (program.path === null) {
    return refused([noProgram(core, file, program, options.core?.executable ?? null)]);
  }
  const gdb = locateGdb(environment["PATH"] ?? "", environment["FFI_DOCTOR_GDB"]);
  const code = mappedCode(core).filter(({ path }) => path !== program.wanted?.path);
  const facts = factsOf(core, file, program, code);
  directory?.writeJson("core.json", facts);
  const step = planCore(options, {
    gdb: gdb.path ?? "gdb",
    script: places.coreScript,
    core: file,
    executable: program.path,
    selective: facts.selective,
  });
  return {
    plan: { steps: [step], explanations: [explanation(core, program)] },
    obstacles: gdb.usable
      ? []
      : [{ what: "gdb cannot be used here; the core was not looked at", why: gdb.why ?? "unknown", mend: gdb.mend }],
  };
}

function refused(obstacles: Obstacle[]): Prepared {
  return { plan: { steps: [], explanations: obstacles.map(({ what, why }) => `${what}: ${why}`) }, obstacles };
}

function explanation(core: CoreFile, program: FoundProgram): string {
  const same = program.match === "same" ? ", the build that left it" : "";
  return `gdb reads the core of process ${core.pid ?? "?"} with ${program.path}${same}; nothing is started`;
}

/** What gdb's side is told, and what cannot be seen. */
interface CoreFacts {
  machine: string;
  exe: string;
  argv: string[];
  /** Null for a process that had not died. */
  signal: number | null;
  maps: [string, string, string, string, string][];
  /** Libraries that are here as the process had them, and those that are not, with the build id that it had. */
  same: string[];
  foreign: [string, string | null][];
  selective: boolean;
  owner: number;
  written: number;
  spots: { what: string; why: string; mend: string | null }[];
}

/** Signals whose default action is a core (signal(7)): a core with another one was taken by a debugger. */
const CORE_SIGNALS: ReadonlySet<number> = new Set([3, 4, 5, 6, 7, 8, 11, 24, 25, 31]);

function factsOf(core: CoreFile, file: string, program: FoundProgram, code: readonly MappedFile[]): CoreFacts {
  const { uid, mtimeMs } = statSync(file);
  const exe = program.path ?? "";
  const wanted = program.wanted?.path;
  const fits = code.filter(({ match }) => match !== "other" && match !== "missing");
  const signal = core.signal !== null && CORE_SIGNALS.has(core.signal.number) ? core.signal.number : null;
  return {
    machine: core.machine,
    exe,
    argv: core.command,
    signal,
    maps: core.maps.map(({ start, end, perms, offset, path }) => [
      hex(start),
      hex(end),
      perms,
      hex(offset),
      path === null ? "" : path === wanted ? exe : path,
    ]),
    same: fits.map(({ path }) => path),
    foreign: code.filter((file) => !fits.includes(file)).map(({ path, buildId }) => [path, buildId]),
    selective: code.some(({ match }) => match === "other"),
    owner: uid,
    written: Math.ceil(mtimeMs / 1000),
    spots: [...cutSpots(core), ...programSpots(program), ...code.flatMap(librarySpot), ...unknownSpots(code)],
  };
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

type Spots = CoreFacts["spots"];

function cutSpots(core: CoreFile): Spots {
  if (core.size >= core.promised) {
    return [];
  }
  const share = `${mib(core.promised - core.size)} of ${mib(core.promised)} MiB`;
  return [
    {
      what: "memory that the core should hold",
      why: `the file is cut: ${share} are missing, so that stacks may end early and values be unknown`,
      mend: "ulimit -c unlimited and room on the disk before the next crash; for systemd-coredump ProcessSizeMax and ExternalSizeMax in /etc/systemd/coredump.conf",
    },
  ];
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}

function programSpots({ path, match }: FoundProgram): Spots {
  return match === "same"
    ? []
    : [
        {
          what: `whether ${path} is the build that left the core`,
          why:
            match === "alike"
              ? "neither has a build id to compare; their ELF headers agree"
              : "the core holds nothing of the program's headers to compare",
          mend: "link it with --build-id",
        },
      ];
}

function unknownSpots(code: readonly MappedFile[]): Spots {
  const names = code.filter(({ match }) => match === "unknown").map(({ path }) => basename(path));
  return names.length === 0
    ? []
    : [
        {
          what: `whether these are the builds that the process had: ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", ..." : ""}`,
          why: "the core holds nothing of their headers to compare",
          mend: "let the kernel write them: echo 0x33 > /proc/<pid>/coredump_filter before the crash (core(5))",
        },
      ];
}

function librarySpot({ path, buildId, hereBuildId, match }: MappedFile): Spots {
  if (match === "missing") {
    return [
      {
        what: `functions in ${path}`,
        why: `there is no such file here${buildId === null ? "" : ` (the core's has build id ${buildId})`}`,
        mend: `put the process's own ${path} there, or look at the core where it was left`,
      },
    ];
  }
  return match === "other"
    ? [
        {
          what: `functions in ${path}, and stacks through it`,
          why: `the file here is another build (build id ${hereBuildId ?? "none"}, in the core ${buildId ?? "none"}), so that its names are not used`,
          mend: `put the build that the process had in its place, or look at the core where it was left`,
        },
      ]
    : [];
}
