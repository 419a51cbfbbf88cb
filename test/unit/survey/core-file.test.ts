import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CoreFile, isCore, type NotACore, withCore } from "../../../src/survey/core-file.js";
import { findProgram, mappedCode } from "../../../src/survey/core-files.js";
import { noCore, noProgram, notForHere } from "../../../src/survey/core-obstacles.js";
import { readElf } from "../../../src/survey/elf.js";
import {
  auxv,
  files,
  type MadeNote,
  type MadeSegment,
  madeCore,
  processInfo,
  siginfo,
  startStack,
  status,
} from "./made-core.js";

const shim = join(import.meta.dirname, "../../../native/build/store/healthy/libffi_doctor_store.so");
const twin = join(import.meta.dirname, "../../../native/build/store/double-free/libffi_doctor_store.so");

const STACK = 0x7ffd00000000n;
const BASE = 0x555500000000n;
const AT_PHDR = 3;
const AT_RANDOM = 25;
const AT_EXECFN = 31;

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "ffi-doctor-core-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function written(bytes: Buffer, name = "core"): string {
  const file = join(dir, name);
  writeFileSync(file, bytes);
  return file;
}

/** The core is open while `look` runs. */
function inCore<T>(bytes: Buffer, look: (core: CoreFile) => T): T {
  return withCore(written(bytes), (core) => {
    if (!isCore(core)) {
      throw new Error(`no core: ${JSON.stringify(core)}`);
    }
    return look(core);
  });
}

/** A process that ran `program`, of whose file the core has the first page. */
function coreOf(program: string, more: { notes?: MadeNote[]; memory?: MadeSegment[] } = {}): Buffer {
  const words = ["store", "--get", "two words", ""];
  const entries: [number, bigint][] = [
    [AT_PHDR, BASE + 64n],
    [AT_RANDOM, 0n],
    [AT_EXECFN, 0n],
  ];
  // The auxiliary vector holds addresses that lie behind it: measured once, then filled in.
  const random = STACK + BigInt(8 * (1 + words.length + 1 + 1 + 1) + auxv(entries).body.length);
  entries[1] = [AT_RANDOM, random];
  entries[2] = [AT_EXECFN, random + 16n];
  const vector = auxv(entries);
  const stack = startStack(STACK, vector.body, words, ["HOME=/"]);
  return madeCore(
    [
      status(4711, 11),
      processInfo(4710, "store", "store --get two words "),
      siginfo(11, 1, 0x18589091b1n),
      vector,
      files([{ start: BASE, end: BASE + 0x10000n, page: 0, path: program }]),
      status(4712, 0),
      ...(more.notes ?? []),
    ],
    [
      { address: BASE, flags: 5, bytes: readFileSync(shim).subarray(0, 4096), size: 0x10000 },
      { address: STACK, flags: 6, bytes: stack, size: stack.length },
      ...(more.memory ?? []),
    ],
  );
}

describe("a core file", () => {
  it("tells process, signal, threads and maps", () => {
    const core = inCore(coreOf("/opt/store"), (found) => found);
    expect(core).toMatchObject({
      machine: "x86-64",
      pid: 4710,
      name: "store",
      threads: [4711, 4712],
      signal: { number: 11, code: 1, address: 0x18589091b1n, sender: null },
      program: { path: "/opt/store", perms: "r-xp" },
    });
    expect(core.maps.map(({ path }) => path)).toEqual(["/opt/store", "[stack]"]);
    expect(core.promised).toBe(core.size);
  });

  it("has the program's words as they were given, not as the kernel cut and joined them", () => {
    expect(inCore(coreOf("/opt/store"), ({ command }) => command)).toEqual(["store", "--get", "two words", ""]);
  });

  it("has the kernel's words where its stack is not in it", () => {
    const notes = [status(1, 6), processInfo(1, "store", "store --get two words")];
    expect(inCore(madeCore(notes, []), ({ command }) => command)).toEqual(["store --get two words"]);
  });

  it("never takes a sender's pid for an address", () => {
    const sent = inCore(madeCore([status(1, 11), siginfo(11, -6, 0x18589091b1n)], []), (found) => found);
    expect(sent.signal).toMatchObject({ code: -6, address: null, sender: 0x589091b1 | 0 });
  });

  it("says what is missing of a file that was cut", () => {
    const whole = coreOf("/opt/store");
    const core = inCore(whole.subarray(0, whole.length - 3000), (found) => found);
    expect(core.promised - core.size).toBe(3000);
  });
});

describe("the program of a core", () => {
  it("is found where the core says, when it is the same build", () => {
    const program = join(dir, "program");
    copyFileSync(shim, program);
    const found = inCore(coreOf(program), (core) => findProgram(core, join(dir, "core"), null));
    expect(found).toMatchObject({ path: program, match: "same", others: [] });
  });

  it("is found beside the core when it was moved, and never by its name alone", () => {
    const found = () => inCore(coreOf("/nowhere/moved"), (core) => findProgram(core, join(dir, "core"), null));
    expect(found()).toMatchObject({ path: null, match: "missing" });
    copyFileSync(twin, join(dir, "moved"));
    expect(found()).toMatchObject({ path: null, match: "other", others: [join(dir, "moved")] });
    copyFileSync(shim, join(dir, "moved"));
    expect(found()).toMatchObject({ path: join(dir, "moved"), match: "same" });
  });

  it("is the one that is named, or none", () => {
    const program = join(dir, "named");
    copyFileSync(shim, program);
    inCore(coreOf(program), (core) => {
      const found = findProgram(core, join(dir, "core"), twin);
      expect(found).toMatchObject({ path: null, match: "other", others: [twin] });
      expect(noProgram(core, "core", found, twin).mend).toContain("ffi-doctor core core <executable>");
    });
  });

  it("is found although it was replaced while it ran, where its build is", () => {
    const program = join(dir, "replaced");
    copyFileSync(shim, program);
    const found = inCore(coreOf(`${program} (deleted)`), (core) => findProgram(core, join(dir, "core"), null));
    expect(found).toMatchObject({ path: program, match: "same" });
  });
});

describe("the code of a core", () => {
  it("is compared with what is here by build id", () => {
    const library = join(dir, "library.so");
    copyFileSync(shim, library);
    const code = () => inCore(coreOf(library), mappedCode);
    expect(code()).toMatchObject([{ path: library, match: "same", buildId: readElf(shim)?.buildId }]);
    copyFileSync(twin, library);
    expect(code()).toMatchObject([{ match: "other", hereBuildId: readElf(twin)?.buildId }]);
    rmSync(library);
    expect(code()).toMatchObject([{ match: "missing", buildId: readElf(shim)?.buildId }]);
  });
});

describe("what is no core", () => {
  const problems: [string, Buffer, NotACore][] = [
    ["empty", Buffer.alloc(0), { problem: "empty" }],
    [
      "text",
      Buffer.from("a text of some length, longer than a header of an ELF file would be, and then some"),
      { problem: "not-elf" },
    ],
    ["zstd", Buffer.from("28b52ffd04000000", "hex"), { problem: "compressed", by: "zstd" }],
    ["lz4", Buffer.from("04224d1804000000", "hex"), { problem: "compressed", by: "lz4" }],
    ["a minidump", Buffer.from("MDMP...."), { problem: "minidump" }],
    ["apport's", Buffer.from("ProblemType: Crash\n"), { problem: "apport" }],
    ["without notes", madeCore([], []), { problem: "no-notes" }],
    ["cut in its notes", madeCore([status(1, 11)], []).subarray(0, 300), { problem: "notes-cut" }],
    ["cut in its headers", madeCore([status(1, 11)], []).subarray(0, 100), { problem: "headers-cut" }],
  ];

  it.each(problems)("is told: %s", (_, bytes, problem) => {
    withCore(written(bytes, "core.zst"), (found) => {
      expect(found).toEqual(problem);
      const obstacle = noCore(join(dir, "core.zst"), found as NotACore);
      expect(obstacle.what).toContain(dir);
      expect(obstacle.mend).not.toBeNull();
    });
  });

  it("is unpacked by the command that is told", () => {
    const obstacle = noCore("/srv/core.zst", { problem: "compressed", by: "zstd" });
    expect(obstacle.mend).toContain("zstd -d /srv/core.zst; ffi-doctor core /srv/core");
    expect(obstacle.mend).toContain("coredumpctl dump -o core <pid>");
    expect(noCore("/srv/core", { problem: "compressed", by: "lz4" }).mend).toContain("lz4 -d < /srv/core > core");
  });

  it("is told of a program, a missing file and a folder", () => {
    withCore(shim, (found) => expect(found).toEqual({ problem: "not-a-core", type: "a program or a library" }));
    withCore(join(dir, "missing"), (found) => expect(found).toEqual({ problem: "unreadable", detail: "ENOENT" }));
    withCore(dir, (found) => expect(isCore(found)).toBe(false));
  });

  it("is told of other machines and of 32-bit programs", () => {
    const bytes = coreOf("/opt/store");
    bytes.writeUInt16LE(183, 18);
    expect(inCore(bytes, (core) => notForHere(core, "core"))?.what).toContain("is of a program for aarch64");
    bytes.writeUInt16LE(3, 18);
    bytes[4] = 1;
    expect(inCore(bytes, (core) => notForHere(core, "core"))?.what).toBe("core is of a 32-bit program");
    bytes[5] = 2;
    bytes.writeUInt16BE(4, 16);
    bytes.writeUInt16BE(22, 18);
    expect(inCore(bytes, (core) => notForHere(core, "core"))?.what).toContain("is of a program for s390");
  });

  it("is read without throwing, cut or flipped anywhere", () => {
    const whole = coreOf(shim);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.nat(whole.length),
        (flips, length) => {
          const bytes = Buffer.from(whole.subarray(0, length));
          for (const [at, value] of flips) {
            if (at < length) {
              bytes[at] = value;
            }
          }
          const file = written(bytes, "damaged");
          withCore(file, (core) => {
            if (isCore(core)) {
              findProgram(core, file, null);
              mappedCode(core);
            }
          });
        },
      ),
      { numRuns: 300 },
    );
  });
});
