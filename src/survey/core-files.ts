import { closeSync, existsSync, openSync, readSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { CoreFile, CoreMap } from "./core-file.js";
import type { CoreMemory } from "./core-memory.js";
import { readElf } from "./elf.js";

/** A file that the dead process had mapped as code, and whether the one of that name here is the same build. */
export interface MappedFile {
  path: string;
  /** As the core has it; null where it has not the page, or the file no build id. */
  buildId: string | null;
  /** Of the file here; null where there is none or it has none. */
  hereBuildId: string | null;
  /**
   * `same`: the build ids agree. `alike`: there are none, and the headers agree. `other`: it is another build. `missing`: no such file.
   * `unknown`: nothing of it is in the core to compare.
   */
  match: "same" | "alike" | "other" | "missing" | "unknown";
}

const PT_LOAD = 1;
const PT_NOTE = 4;
const NT_GNU_BUILD_ID = 3;
const HEADER = 64;
const MAX_HEADERS = 128;
const MAX_NOTE = 4096;
const DELETED = / \(deleted\)$/;
const DEBUG_FILES = "/usr/lib/debug/.build-id";

/** The program and the libraries of a core, each compared with what is here. */
export function mappedCode(core: CoreFile): MappedFile[] {
  const paths = new Set(core.maps.flatMap(({ path, perms }) => (path !== null && isCode(path, perms) ? [path] : [])));
  return [...paths]
    .map((path) => compare(core, path, path.replace(DELETED, "")))
    .filter(({ path, match }) => match !== "unknown" || readElf(path) !== null);
}

function isCode(path: string, perms: string): boolean {
  return path.startsWith("/") && perms.includes("x") && !path.startsWith("/memfd:") && !path.startsWith("/dev/");
}

/** `path` as the core names it, against `here`. */
function compare(core: CoreFile, path: string, here: string): MappedFile {
  const start = core.maps.find((map) => map.path === path && map.offset === 0n);
  const buildId = start === undefined ? null : buildIdInMemory(core.memory, start);
  const plain = path.replace(DELETED, "");
  if (!existsSync(here)) {
    return { path: plain, buildId, hereBuildId: null, match: "missing" };
  }
  const hereBuildId = readElf(here)?.buildId ?? null;
  const found = { path: plain, buildId, hereBuildId };
  if (buildId !== null || start === undefined) {
    return { ...found, match: buildId === null ? "unknown" : buildId === hereBuildId ? "same" : "other" };
  }
  const headers = headersInMemory(core.memory, start);
  if (headers === null) {
    return { ...found, match: "unknown" };
  }
  return { ...found, match: headers.equals(head(here, headers.length)) && hereBuildId === null ? "alike" : "other" };
}

export interface FoundProgram {
  /** Null when none of the build is here. */
  path: string | null;
  /** What the core itself says of it; null where the core names no program. */
  wanted: MappedFile | null;
  match: MappedFile["match"];
  /** Files that were looked at and are of another build. */
  others: string[];
}

/**
 * The program that left the core: what the user named, else the path that the core names, else a file of its name beside the core or
 * under /usr/lib/debug/.build-id; the first that is the same build.
 */
export function findProgram(core: CoreFile, corePath: string, named: string | null): FoundProgram {
  const { program } = core;
  if (program === null || program.path === null) {
    const only = named ?? core.execPath;
    const there = only !== null && existsSync(only);
    return { path: there ? resolve(only) : null, wanted: null, match: there ? "unknown" : "missing", others: [] };
  }
  const path = program.path;
  const wanted = compare(core, path, path.replace(DELETED, ""));
  const seen = candidates(core, corePath, named, wanted)
    .filter((candidate) => existsSync(candidate))
    .map((candidate) => ({ path: candidate, match: compare(core, path, candidate).match }));
  const best = (["same", "alike", "unknown"] as const)
    .map((match) => seen.find((candidate) => candidate.match === match))
    .find((candidate) => candidate !== undefined);
  const others = seen.filter(({ match }) => match === "other").map((candidate) => candidate.path);
  return {
    path: best === undefined ? null : real(best.path),
    wanted,
    match: best?.match ?? (others.length > 0 ? "other" : "missing"),
    others,
  };
}

function candidates(core: CoreFile, corePath: string, named: string | null, wanted: MappedFile): string[] {
  // Only the named one: its user means that one, and is told when it is another build.
  if (named !== null) {
    return [named];
  }
  const name = basename(wanted.path);
  const id = wanted.buildId;
  return [
    wanted.path,
    ...(core.execPath?.startsWith("/") ? [core.execPath] : []),
    join(dirname(corePath), name),
    join(process.cwd(), name),
    ...(id === null ? [] : [join(DEBUG_FILES, id.slice(0, 2), id.slice(2))]),
  ];
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** NT_GNU_BUILD_ID of a file whose first page the core has: the kernel writes that page for it (core(5), coredump_filter bit 4). */
function buildIdInMemory(memory: CoreMemory, map: CoreMap): string | null {
  const headers = headersInMemory(memory, map);
  if (headers === null) {
    return null;
  }
  const each = headers.readUInt16LE(54);
  const loads = programHeaders(headers);
  // Loadable segments are in address order (gABI).
  const lowest = loads.find(({ type }) => type === PT_LOAD)?.address ?? 0n;
  for (const { type, address, size } of each < 56 ? [] : loads) {
    if (type === PT_NOTE && size <= BigInt(MAX_NOTE)) {
      const id = buildIdOf(memory.read(map.start + address - lowest, Number(size)));
      if (id !== null) {
        return id;
      }
    }
  }
  return null;
}

function programHeaders(headers: Buffer): { type: number; address: bigint; size: bigint }[] {
  const start = Number(headers.readBigUInt64LE(32));
  const each = headers.readUInt16LE(54);
  const count = headers.readUInt16LE(56);
  return Array.from({ length: count }, (_, i) => start + i * each)
    .filter((at) => at + 56 <= headers.length)
    .map((at) => ({
      type: headers.readUInt32LE(at),
      address: headers.readBigUInt64LE(at + 16),
      size: headers.readBigUInt64LE(at + 32),
    }));
}

/** The ELF header and the program headers; null where the core has them not. */
function headersInMemory(memory: CoreMemory, map: CoreMap): Buffer | null {
  const first = memory.read(map.start, HEADER);
  if (first.length < HEADER || first.readUInt32BE(0) !== 0x7f454c46 || first[4] !== 2) {
    return null;
  }
  const count = first.readUInt16LE(56);
  const end = Number(first.readBigUInt64LE(32)) + first.readUInt16LE(54) * count;
  const headers = memory.read(map.start, count > MAX_HEADERS || end > MAX_NOTE ? HEADER : end);
  return headers.length < HEADER ? null : headers;
}

function buildIdOf(notes: Buffer): string | null {
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameSize = notes.readUInt32LE(at);
    const size = notes.readUInt32LE(at + 4);
    const body = at + 12 + Math.ceil(nameSize / 4) * 4;
    if (notes.readUInt32LE(at + 8) === NT_GNU_BUILD_ID && notes.toString("latin1", at + 12, at + 15) === "GNU") {
      const id = notes.subarray(body, body + size);
      return id.length === size && size > 0 ? id.toString("hex") : null;
    }
    at = body + Math.ceil(size / 4) * 4;
  }
  return null;
}

function head(path: string, length: number): Buffer {
  try {
    const fd = openSync(path, "r");
    try {
      const out = Buffer.alloc(length);
      return out.subarray(0, readSync(fd, out, 0, length, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return Buffer.alloc(0);
  }
}
