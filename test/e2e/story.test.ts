import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Frame } from "../../src/model/frame.js";
import { captured, cleanUp, libraries, root, scratch } from "./doctor.js";
import { hosts } from "./hosts.js";

/**
 * The story that ffi-doctor grew out of: Go code over a Rust library, a SIGSEGV, and a core dump that shows the Go runtime's own end.
 * Each variant is run twice: left to die with a core, which gdb then reads as everybody does, and under gdb-capture.
 */
const variants = [
  { name: "Rust reads a wild pointer, called through cgo", twin: "stale-handle", trigger: "stale-handle" },
  { name: "Rust panics in a call through cgo", twin: "panic-across-boundary", trigger: "panic-across-boundary" },
  {
    name: "Go reads a wild Rust pointer, in Rust's callback",
    twin: "bytes-use-after-free",
    trigger: "bytes-in-callback",
  },
];

const expected: Record<string, { rust: string; boundary: string; go: string }> = {
  "stale-handle": { rust: "stale.rs:76", boundary: "fds_get", go: "main.readBlock " },
  "panic-across-boundary": { rust: "prefix.rs:30", boundary: "fds_scan_open", go: "main.listPrefix " },
  "bytes-in-callback": { rust: "ffi::data::fds_get_async", boundary: "fds_get_async", go: "main.checksumBlock " },
};

const SHOWN = 14;
const SHORT = 60;

const goHosts = hosts.filter(({ name }) => name === "go" || name === "go-1.19");
const sections: string[] = [];

afterEach(cleanUp);

describe("the story", () => {
  it("is told with Go 1.19 too where Debian has it", () => {
    const debian = /VERSION_ID="12"/.test(existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "");
    expect(goHosts.map(({ name }) => name)).toEqual(debian ? ["go", "go-1.19"] : expect.arrayContaining(["go"]));
  });

  describe.each(goHosts)("on the $name host", ({ name, command }) => {
    it.each(variants)("$name", (variant) => {
      const env = { LD_LIBRARY_PATH: join(libraries, variant.twin) };
      const core = coreOf(command[0] ?? "", variant.trigger, env);
      const { report, status } = captured(["--", ...command, variant.trigger], { env });
      expect(status).toBe(1);
      const finding = report?.findings[0];
      const frames = finding?.stacks[0]?.frames ?? [];
      const told = expected[variant.trigger];
      expect(frames.map(line)).toEqual(
        expect.arrayContaining([expect.stringContaining(told?.rust ?? "?"), expect.stringContaining(told?.go ?? "?")]),
      );
      expect(frames.find(({ boundary }) => boundary)?.function).toContain(told?.boundary);
      sections.push(section(`${variant.name} (${versionOf(command[0] ?? "")})`, core, frames.map(marked), told));
      if (name === "go-1.19" && core !== null) {
        // What makes the core second-hand: it shows how Go's runtime ended the process, and it names no Rust line or no Go line.
        expect(core.slice(0, 3).join("\n")).toMatch(/runtime\.(raise|dieFromSignal|crash|tgkill)/);
        expect(
          core.some((text) => text.includes(told?.rust ?? "?")) && core.some((text) => text.includes(told?.go ?? "?")),
        ).toBe(false);
      }
    });
  });

  it("is written down", () => {
    expect(sections).toHaveLength(goHosts.length * variants.length);
    writeFileSync(join(root, "docs/story.md"), `${INTRODUCTION}\n${sections.join("\n")}`);
  });
});

const INTRODUCTION = `# The story

Written by \`test/e2e/story.test.ts\`. A Go program over a Rust library dies. On the left is what its core dump says when it is read
the usual way: \`GOTRACEBACK=crash\`, \`ulimit -c unlimited\`, then \`gdb -batch -ex bt program core\`. On the right is what
\`ffi-doctor gdb-capture\` says of the same command: the stack at the first-hand signal, innermost first, with the boundary marked.

Without \`GOTRACEBACK=crash\` there is no core at all: Go's runtime takes the signal over and ends with status 2.
`;

/** The frames of a core, innermost first, as gdb prints them; null where this system puts cores out of reach. */
function coreOf(program: string, trigger: string, env: NodeJS.ProcessEnv): string[] | null {
  const pattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8").trim();
  if (pattern.startsWith("|") || pattern.includes("/")) {
    return null;
  }
  const cwd = scratch();
  const script = 'ulimit -c unlimited && exec "$0" "$@"';
  spawnSync("sh", ["-c", script, program, trigger], {
    cwd,
    env: { ...process.env, ...env, GOTRACEBACK: "crash" },
    timeout: 60_000,
  });
  const core = readdirSync(cwd).find((file) => file.startsWith("core"));
  expect(core, "the host left a core").toBeDefined();
  const gdb = spawnSync(
    "gdb",
    [
      "-nx",
      "-batch",
      "-iex",
      "set auto-load off",
      "-ex",
      "set debuginfod enabled off",
      "-ex",
      "bt 24",
      program,
      core ?? "",
    ],
    {
      cwd,
      encoding: "utf8",
      env: { ...process.env, ...env },
      timeout: 60_000,
    },
  );
  return gdb.stdout.split("\n").flatMap((text) => {
    const frame = /^#\d+\s+(?:0x[0-9a-f]+ in )?(<signal handler called>|\?\?|.*?) (?:\(|$)(.*)$/.exec(text);
    const place = /at (\S+):(\d+)$/.exec(text);
    return frame === null ? [] : [`${frame[1]}${place === null ? "" : ` ${place[1]?.split("/").at(-1)}:${place[2]}`}`];
  });
}

function line(frame: Frame): string {
  const name = frame.function ?? `${frame.module?.split("/").at(-1) ?? "?"}+${frame.offset}`;
  return `${name}${frame.file === null ? "" : ` ${frame.file.split("/").at(-1)}:${frame.line}`}`;
}

function marked(frame: Frame): string {
  return `${line(frame)}${frame.boundary ? "  <== boundary" : ""}`;
}

function section(
  title: string,
  core: string[] | null,
  capture: string[],
  told: (typeof expected)[string] | undefined,
): string {
  const interesting = capture.filter((text) => !/^(core|std|alloc|<?core)::/.test(text));
  const left = core ?? ["(this system pipes cores away)"];
  const rows = Array.from({ length: Math.min(SHOWN, Math.max(left.length, interesting.length)) }, (_, i) =>
    `${short(left[i]).padEnd(SHORT)} | ${short(interesting[i])}`.trimEnd(),
  );
  const names = (frames: readonly string[], text: string | undefined): string =>
    frames.some((frame) => frame.includes(text ?? "?")) ? "yes" : "**no**";
  return `## ${title}

\`\`\`text
${"the core".padEnd(SHORT)} | gdb-capture
${"-".repeat(SHORT)} | ${"-".repeat(SHORT)}
${rows.join("\n")}
\`\`\`

| names | the core | gdb-capture |
|---|---|---|
| the Rust line (${told?.rust}) | ${core === null ? "-" : names(core, told?.rust)} | ${names(capture, told?.rust)} |
| the boundary (${told?.boundary}) | ${core === null ? "-" : names(core, told?.boundary)} | ${names(capture, told?.boundary)} |
| the goroutine's Go line (${told?.go.split(" ")[0]}) | ${core === null ? "-" : names(core, told?.go)} | ${names(capture, told?.go)} |
`;
}

function short(text: string | undefined): string {
  const plain = (text ?? "").replace(/<[^<>]{12,}>/g, "<...>").replace(/^(_cgo(?:exp)?_)[0-9a-f]{12}_/, "$1..._");
  return plain.length > SHORT ? `${plain.slice(0, SHORT - 3)}...` : plain;
}

function versionOf(program: string): string {
  return spawnSync("go", ["version", program], { encoding: "utf8" }).stdout.trim().split(" ").at(-1) ?? "Go";
}
