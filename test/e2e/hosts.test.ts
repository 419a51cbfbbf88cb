import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const libraries = join(root, "native/build/store");
const build = join(root, "fixtures/hosts/build");
const nodeHost = [process.execPath, join(root, "fixtures/hosts/node/main.mjs")];

const hosts = [
  { name: "c", command: [join(build, "c-host")], go: false },
  { name: "go", command: [join(build, "go-host")], go: true },
  { name: "go-1.19", command: [join(build, "go-host-1.19")], go: true },
  { name: "node sync", command: nodeHost, go: false },
  { name: "node async", command: [...nodeHost, "--mode", "async"], go: false },
].filter(({ command }) => existsSync(command[0] ?? ""));

const deaths = {
  "stale-handle": "SIGSEGV",
  "thread-local-runtime": "SIGSEGV",
  "bytes-use-after-free": "SIGSEGV",
  "double-free": "SIGABRT",
  "panic-across-boundary": "SIGABRT",
  "stack-overflow": "SIGSEGV",
} as const;
const triggers = Object.keys(deaths) as (keyof typeof deaths)[];

const GO_FATAL = 2;
const TIMEOUT = 30_000;

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "ffi-doctor-hosts-test-"));
});
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

function run(command: readonly string[], variant: string, ...args: string[]) {
  const [file = "", ...rest] = command;
  const dir = mkdtempSync(join(scratch, "run-"));
  return spawnSync(file, [...rest, "--dir", dir, ...args], {
    encoding: "utf8",
    timeout: TIMEOUT,
    env: { ...process.env, LD_LIBRARY_PATH: join(libraries, variant), GOTRACEBACK: "single" },
  });
}

function lines(...expected: string[]): string {
  return `${expected.join("\n")}\n`;
}

describe.each(hosts)("the $name host", ({ command, go }) => {
  it("runs the healthy workload alone", () => {
    const { status, stdout, stderr } = run(command, "healthy", "healthy");
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: lines("scenario healthy: ok", "done"),
      stderr: "",
    });
  });

  it("refuses an unknown trigger", () => {
    expect(run(command, "healthy", "no-such-trigger").status).toBe(64);
  });

  describe.each(triggers)("trigger %s", (trigger) => {
    const ending = [`trigger ${trigger}: running`, `trigger ${trigger}: ok`, "done"];

    it("comes out clean over the sound library", () => {
      const { status, stdout, stderr } = run(command, "healthy", trigger);
      expect({ status, stdout, stderr }).toEqual({
        status: 0,
        stdout: lines("scenario healthy: ok", ...ending),
        stderr: "",
      });
    });

    it("survives benign traps and idle threads, and keeps its own exit status", () => {
      const { status, stdout } = run(command, "healthy", "--traps", "3", "--threads", "2", "--exit", "7", trigger);
      expect({ status, stdout }).toEqual({
        status: 7,
        stdout: lines("scenario healthy: ok", "traps survived: 3", ...ending),
      });
    });

    it("dies over its twin", () => {
      const { status, signal, stdout } = run(command, trigger, trigger);
      const death = deaths[trigger];
      if (go && status !== null) {
        expect(status).toBe(GO_FATAL);
      } else {
        expect(signal).toBe(death);
        // Only a native stack overflow leaves older Go runtimes without a word.
        expect(go && trigger !== "stack-overflow").toBe(false);
      }
      expect(stdout).toBe(lines("scenario healthy: ok", `trigger ${trigger}: running`));
    });
  });
});
