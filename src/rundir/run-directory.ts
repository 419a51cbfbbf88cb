import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../model/errors.js";
import type { RunManifest } from "../model/manifest.js";
import type { Recording } from "../model/recording.js";

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;
/** Bytes of a recording that are held at a time. */
const PIECE = 1 << 18;
const OUTPUT = "output";

/** Where a run rests on disk: manifest.json, raw/<step>/..., report.json. Readable by its owner alone. */
export class RunDirectory {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes a fresh one. Throws UserError when the place is taken or cannot be written. */
  static create(path: string): RunDirectory {
    const full = makeEmpty(path);
    makeInside(full, "raw");
    return new RunDirectory(full);
  }

  /** Makes the place for the run directories of several runs. Throws UserError as `create` does. */
  static createFolder(path: string): RunDirectory {
    return new RunDirectory(makeEmpty(path));
  }

  /** Opens one that a run has left. Throws UserError when it is missing or is no run directory. */
  static open(path: string): RunDirectory {
    const full = resolve(path);
    const facts = statSync(full, { throwIfNoEntry: false });
    if (facts === undefined) {
      throw new UserError(`no such run directory: ${path}`, {
        hint: "runs lie in .ffi-doctor/ unless --out named another place",
      });
    }
    if (!facts.isDirectory()) {
      throw new UserError(`${path} is a file, not a run directory`, {
        hint: "name the directory that holds its manifest.json",
      });
    }
    return new RunDirectory(full);
  }

  /** The file that takes a target's output; its folder is made. */
  outputPath(step: string): string {
    if (!existsSync(join(this.path, OUTPUT))) {
      makeInside(this.path, OUTPUT);
    }
    return join(this.path, OUTPUT, `${step}.txt`);
  }

  stepPath(step: string, ...rest: string[]): string {
    return join(this.path, "raw", step, ...rest);
  }

  makeStep(step: string): string {
    const path = this.stepPath(step);
    mkdirSync(path, { mode: PRIVATE_DIRECTORY });
    return path;
  }

  /** Written beside and renamed, so that a reader never sees half of it. Throws UserError on a full disk. */
  writeJson(name: string, value: unknown): void {
    this.writeText(name, `${JSON.stringify(value, null, 2)}\n`);
  }

  writeText(name: string, text: string): void {
    const target = join(this.path, name);
    const temporary = `${target}.${process.pid}.tmp`;
    try {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
      const fd = openSync(temporary, flags, PRIVATE_FILE);
      try {
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; ) {
          at += writeSync(fd, bytes, at);
        }
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(temporary, target);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw cannotWrite(target, error);
    }
  }

  /** File contents, or null when there is no such file. Throws UserError when it is there and cannot be read. */
  read(name: string): string | null {
    try {
      const fd = openSync(join(this.path, name), constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        return readFileSync(fd, "utf8");
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "ENOENT") {
        return null;
      }
      throw new UserError(`${join(this.path, name)} cannot be read (${code ?? String(error)})`, { cause: error });
    }
  }

  /** What a step recorded, for its decoder. */
  recording(step: string): Recording {
    return {
      names: () => (existsSync(this.stepPath(step)) ? readdirSync(this.stepPath(step)).sort() : []),
      text: (name) => this.read(`raw/${step}/${name}`),
      pieces: (name) => piecesOf(this.stepPath(step, name)),
      bytes: (name, limit) => bytesOf(this.stepPath(step, name), limit),
    };
  }

  writeManifest(manifest: RunManifest): void {
    this.writeJson("manifest.json", manifest);
  }
}

function makeEmpty(path: string): string {
  const full = resolve(path);
  try {
    makeWithParents(full);
    if (readdirSync(full).length > 0) {
      throw new UserError(`the run directory ${path} is not empty`, {
        hint: "name a new one with --out, or remove it first",
      });
    }
  } catch (error) {
    throw error instanceof UserError ? error : cannotWrite(path, error);
  }
  return full;
}

function makeInside(folder: string, name: string): void {
  try {
    mkdirSync(join(folder, name), { mode: PRIVATE_DIRECTORY });
  } catch (error) {
    throw cannotWrite(join(folder, name), error);
  }
}

/** A file of any size, read as it is asked for: at no time is more than one piece in memory. */
function* piecesOf(path: string): Iterable<string> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return;
    }
    throw new UserError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
  try {
    const decoder = new TextDecoder();
    const buffer = Buffer.alloc(PIECE);
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer)) {
      yield decoder.decode(buffer.subarray(0, length), { stream: true });
    }
    yield decoder.decode();
  } finally {
    closeSync(fd);
  }
}

/** Without following a link. Throws UserError when it is there and cannot be read. */
function bytesOf(path: string, limit: number): Buffer | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return null;
    }
    throw new UserError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
  try {
    const bytes = Buffer.alloc(Math.min(fstatSync(fd).size, limit));
    let length = 0;
    for (let more = -1; more !== 0 && length < bytes.length; length += more) {
      more = readSync(fd, bytes, length, bytes.length - length, length);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

/** Not mkdir's own `recursive`, which never returns where the kernel makes no directories, as in /proc (Node 20). */
export function makeWithParents(path: string, mode: number = PRIVATE_DIRECTORY): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) {
    return;
  }
  const parent = dirname(path);
  if (parent !== path) {
    makeWithParents(parent, mode);
  }
  mkdirSync(path, { mode });
}

function cannotWrite(path: string, error: unknown): UserError {
  const code = (error as NodeJS.ErrnoException).code;
  const why =
    code === "ENOSPC"
      ? "the disk is full"
      : code === "EACCES" || code === "EPERM"
        ? "permission denied"
        : (code ?? String(error));
  return new UserError(`cannot write ${path}: ${why}`, {
    exitCode: 2,
    hint: "name another place with --out",
    cause: error,
  });
}
