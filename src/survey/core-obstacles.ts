import { basename } from "node:path";
import type { Obstacle } from "../model/evidence.js";
import type { CoreFile, NotACore } from "./core-file.js";
import type { FoundProgram } from "./core-files.js";
import { THIS_MACHINE } from "./target.js";

const UNPACK: Record<string, { command: string; suffix: RegExp }> = {
  zstd: { command: "zstd -d", suffix: /\.zst$/ },
  lz4: { command: "lz4 -d", suffix: /\.lz4$/ },
  xz: { command: "xz -dk", suffix: /\.xz$/ },
  gzip: { command: "gunzip -k", suffix: /\.gz$/ },
};

/** Why a file is no core that can be looked at, with the way out. */
export function noCore(path: string, found: NotACore): Obstacle {
  const name = basename(path);
  switch (found.problem) {
    case "unreadable":
      return {
        what: `${path} cannot be read`,
        why: found.detail,
        mend: found.detail === "EACCES" ? `chmod +r it, or become its owner: a core has the user of the process` : null,
      };
    case "empty":
      return {
        what: `${path} is empty`,
        why: "the kernel began a core and could not write it: a limit of 0, or no room",
        mend: "ulimit -c unlimited; df -h . ; ffi-doctor env says where cores go",
      };
    case "compressed":
      return compressed(path, found.by);
    case "minidump":
      return {
        what: `${path} is a minidump of breakpad or crashpad, not a core file`,
        why: "it holds the stacks alone, in a format of its own",
        mend: "minidump-stackwalk reads it; ffi-doctor gdb-capture -- <command> looks at the crash itself",
      };
    case "apport":
      return {
        what: `${path} is a crash report of apport`,
        why: "the core is packed within it",
        mend: `apport-unpack ${path} ${name}.d; ffi-doctor core ${name}.d/CoreDump`,
      };
    case "not-a-core":
      return {
        what: `${path} is not a core file`,
        why: `it is ${found.type}`,
        mend: "the core comes first, then the program: ffi-doctor core <core> [executable]",
      };
    case "not-elf":
      return {
        what: `${path} is not a core file`,
        why: "it is no ELF file",
        mend: "ffi-doctor env says where cores go here, and how to get at them",
      };
    case "no-notes":
      return {
        what: `${path} says nothing of the process`,
        why: "it holds no notes: no signal and no registers",
        mend: "let the kernel or gdb's generate-core-file write the core",
      };
    case "notes-cut":
    case "headers-cut":
      return {
        what: `${path} is cut so short that it says nothing`,
        why: `its ${found.problem === "notes-cut" ? "notes (signal, registers)" : "headers"} are not whole`,
        mend: "if it was copied, copy it again; else ulimit -c unlimited, room on the disk, and another crash",
      };
  }
}

function compressed(path: string, by: "zstd" | "lz4" | "xz" | "gzip"): Obstacle {
  const { command, suffix } = UNPACK[by] ?? { command: by, suffix: /$/ };
  const plain = suffix.test(path) ? path.replace(suffix, "") : null;
  const unpack = plain === null ? `${command} < ${path} > core` : `${command} ${path}`;
  return {
    what: `${path} is compressed (${by})`,
    why: "systemd-coredump and others pack cores, and gdb reads them unpacked only",
    mend: `${unpack}; ffi-doctor core ${plain ?? "core"}   or, for one of systemd-coredump: coredumpctl dump -o core <pid>; ffi-doctor core core`,
  };
}

/** A core that this machine's gdb cannot walk; null for one that it can. */
export function notForHere(core: CoreFile, path: string): Obstacle | null {
  const ours = THIS_MACHINE[process.arch];
  if (core.machine !== ours && core.machine !== "x86") {
    return {
      what: `${path} is of a program for ${core.machine}, and this machine is ${ours ?? process.arch}`,
      why: "its registers and stacks cannot be taken apart here",
      mend: `run ffi-doctor core on a machine of that kind; gdb-multiarch <executable> ${path} shows the bare stack`,
    };
  }
  return core.bits === 64
    ? null
    : {
        what: `${path} is of a 32-bit program`,
        why: "cores of 64-bit programs are understood only",
        mend: `gdb <executable> ${path} shows the bare stack; or run its 64-bit build`,
      };
}

/** The program is not here, or only another build of it. */
export function noProgram(core: CoreFile, path: string, found: FoundProgram, named: string | null): Obstacle {
  const { wanted, others } = found;
  const id = wanted?.buildId ?? null;
  const what = wanted?.path ?? core.name ?? "unknown";
  const died =
    core.signal === null ? "" : ` (process ${core.pid ?? "?"}, signal ${core.signal.number}, program ${what})`;
  const other = others[0];
  if (other !== undefined) {
    return {
      what: `${other} is not the build that left the core${died}`,
      why: `the core's program has build id ${id ?? "none"}, this one another; every name and line would be wrong`,
      mend: `name the build that ran: ffi-doctor core ${path} <executable>   (file <executable> shows its BuildID)`,
    };
  }
  return {
    what:
      named === null
        ? `the program that left the core is not here${died}`
        : `${named} is not here, and without the program the core has no names`,
    why: `${what}${id === null ? "" : ` (build id ${id})`} was looked for at its path, beside the core and under /usr/lib/debug/.build-id`,
    mend: `name it: ffi-doctor core ${path} <executable>`,
  };
}
