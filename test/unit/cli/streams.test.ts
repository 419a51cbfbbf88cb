import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { terminalOf, writeReport } from "../../../src/cli/streams.js";
import { UserError } from "../../../src/model/errors.js";
import { finding, report } from "../render/reports.js";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "ffi-doctor-streams-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function write(...files: string[]): Promise<void> {
  const formats = files.map((file) => ({ format: "json" as const, file }));
  const output = { formats, color: null, quiet: true, verbose: false, showMemory: false, failOn: "error" as const };
  await writeReport(report(), null, output, process.stderr);
}

const verdict = (text: string): unknown => (JSON.parse(text) as { verdict: unknown }).verdict;

describe("a report in a file", () => {
  it("is whole, private, and replaces what was there", async () => {
    const file = join(dir, "report.json");
    writeFileSync(file, "old");
    chmodSync(file, 0o644);
    await write(file);
    expect(verdict(readFileSync(file, "utf8"))).toBe("findings");
    expect(lstatSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(["report.json"]);
  });

  it("goes where a link leads, and the link stays", async () => {
    const [file, link] = [join(dir, "real.json"), join(dir, "link.json")];
    writeFileSync(file, "old");
    symlinkSync(file, link);
    await write(link);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(verdict(readFileSync(file, "utf8"))).toBe("findings");
  });

  it("goes into a pipe or device, and does not take its place", async () => {
    const fifo = join(dir, "fifo");
    expect(spawnSync("bash", ["-c", 'mkfifo "$0"', fifo]).status).toBe(0);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    await write(fifo);
    const bytes = Buffer.alloc(1 << 17);
    const length = readSync(reader, bytes);
    closeSync(reader);
    expect(lstatSync(fifo).isFIFO()).toBe(true);
    expect(verdict(bytes.toString("utf8", 0, length))).toBe("findings");
  });

  it("that cannot be written is the user's to mend; the others are written all the same, and nothing is left over", async () => {
    const written = write(join(dir, "missing", "report.json"), dir, join(dir, "good.json"));
    await expect(written).rejects.toThrow(UserError);
    expect(readdirSync(dir)).toEqual(["good.json"]);
  });
});

describe("colour", () => {
  const saved = { ...process.env };
  afterEach(() => {
    process.env = { ...saved };
  });

  const stream = (isTTY: boolean) => ({ isTTY, columns: 100 }) as NodeJS.WriteStream;

  it.each([
    [true, {}, null, true],
    [false, {}, null, false],
    [true, { NO_COLOR: "1" }, null, false],
    [true, { NO_COLOR: "" }, null, true],
    [true, { TERM: "dumb" }, null, false],
    [false, { FORCE_COLOR: "1" }, null, true],
    [false, { FORCE_COLOR: "" }, null, false],
    [false, { FORCE_COLOR: "0" }, null, false],
    [true, {}, false, false],
    [false, { FORCE_COLOR: "1" }, false, false],
  ])("terminal %j, environment %j, --no-color %j: %j", (isTTY, environment, asked, color) => {
    process.env = { TERM: "xterm", ...environment };
    expect(terminalOf(stream(isTTY), asked)).toEqual({ color, width: isTTY ? 100 : 80 });
  });
});

describe("a terminal report in a file", () => {
  it("has no secret and no memory, as it is shared", async () => {
    const file = join(dir, "report.txt");
    const output = { color: null, quiet: true, verbose: true, failOn: "error" as const, secrets: ["hunter2hunter2"] };
    const given = report({ findings: [finding({ message: "it said: hunter2hunter2" })] });
    const formats = [{ format: "terminal" as const, file }];
    await writeReport(given, null, { ...output, formats, showMemory: false }, process.stderr);
    expect(readFileSync(file, "utf8")).toContain("it said: ***");
    expect(readFileSync(file, "utf8")).not.toContain("Memory at");
    await writeReport(given, null, { ...output, formats, showMemory: true }, process.stderr);
    expect(readFileSync(file, "utf8")).toContain("it said: hunter2hunter2");
    expect(readFileSync(file, "utf8")).toContain("Memory at");
  });
});
