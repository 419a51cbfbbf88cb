// npm run bench [-- --rounds N --only TEXT]: what ffi-doctor costs, as ratios of interleaved medians. Prints a Markdown table.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { interleaved } from "./measure.mjs";

const root = join(import.meta.dirname, "..");
const main = join(root, "dist/cli/main.js");
const build = join(root, "fixtures/hosts/build");
const cHost = join(build, "c-host");
const nodeHost = join(root, "fixtures/hosts/node/main.mjs");
const { values } = parseArgs({
  options: { rounds: { type: "string", default: "9" }, only: { type: "string", default: "" } },
});
const TRAPS = 500;
const rounds = Number(values.rounds);

if (!Number.isInteger(rounds) || rounds < 1) {
  console.error("bench: --rounds takes a whole number from 1 on");
  process.exit(2);
}
if (!existsSync(main) || !existsSync(cHost)) {
  console.error("bench: nothing is built here yet; run: npm run setup:test");
  process.exit(2);
}

const scratch = mkdtempSync(join(tmpdir(), "ffi-doctor-bench-"));
const env = { LD_LIBRARY_PATH: join(root, "native/build/store/stale-handle") };
const crash = "stale-handle";

/** gdb-capture into a directory that is new each time, with nothing to print. */
function capture(command) {
  const out = join(scratch, "run");
  return {
    command: [process.execPath, main, "gdb-capture", "-q", "--out", out, "--", ...command],
    env,
    status: 1,
    before: () => rmSync(out, { recursive: true, force: true }),
  };
}

/** What one types by hand. */
function plainGdb(command) {
  const settings = ["-ex", "set debuginfod enabled off", "-ex", "set confirm off"];
  return {
    command: ["gdb", "-nx", "-batch", ...settings, "-ex", "run", "-ex", "bt", "--args", ...command],
    env,
    status: 0,
  };
}

const PYTHON_LOOP =
  "import ctypes, sys; crc = ctypes.CDLL('libz.so.1').crc32; data = bytes(1 << 16); [crc(0, data, len(data)) for _ in range(int(sys.argv[1]))]";

/** A run of 10 s and more under each checker: Python calling zlib through ctypes, as often as the checker's speed asks for. */
function longRun(verb) {
  // The interpreter itself: what a version manager's shim costs is another matter.
  const real = spawnSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).stdout.trim();
  return [real, "-c", PYTHON_LOOP, verb === "valgrind" ? "25000" : "400000"];
}

/** The command that a verb plans, with its very flags and environment, started by nobody but this bench. */
function byHand(verb, command) {
  const asked = spawnSync(process.execPath, [main, verb, "--dry-run", "--format", "json", "--", ...command], {
    encoding: "utf8",
  });
  const [step] = JSON.parse(asked.stdout).plan.steps;
  const folder = mkdtempSync(join(scratch, "raw-"));
  const fill = (text) => text.replaceAll("{stepDir}", folder);
  const settings = Object.entries({ ...step.targetEnv, ...step.toolEnv }).filter(([, value]) => value !== null);
  return {
    command: [...step.tool, ...step.target].map(fill),
    env: Object.fromEntries(settings.map(([name, value]) => [name, fill(value)])),
    status: 0,
  };
}

function underChecker(verb, command) {
  const out = join(scratch, "run");
  return {
    command: [process.execPath, main, verb, "-q", "--out", out, "--", ...command],
    status: 0,
    before: () => rmSync(out, { recursive: true, force: true }),
  };
}

/** Seconds of both, their ratio, and what the aim says of them; `more` is the difference where nothing else is said. */
function print({ name, aim, measure }) {
  const [[base, ours], more = `${((ours - base) / 1000).toFixed(2)} s`] = measure();
  console.log(
    `| ${name} | ${(base / 1000).toFixed(3)} s | ${(ours / 1000).toFixed(3)} s | ${(ours / base).toFixed(2)} | ${more} | ${aim} |`,
  );
}

function ofStart() {
  const base = { command: [process.execPath, "-e", "0"], status: 0 };
  return {
    name: "`--version`, against `node -e 0`",
    aim: "1.3x, at most 1.5x",
    measure: () => [interleaved([base, { command: [process.execPath, main, "--version"], status: 0 }], rounds * 3)],
  };
}

function ofCapture(host, command) {
  return {
    name: `gdb-capture, ${host} host, against \`gdb -batch -ex run -ex bt\``,
    aim: "1.3x or 0.6 s more",
    measure: () => [interleaved([plainGdb(command), capture(command)], rounds)],
  };
}

function ofChecker(verb) {
  return {
    name: `${verb}, a Python run of 10 s and more, against the tool alone with the same flags`,
    aim: "at most 1.05x",
    measure: () => {
      const command = longRun(verb);
      return [interleaved([byHand(verb, command), underChecker(verb, command)], Math.max(3, Math.floor(rounds / 3)))];
    },
  };
}

function ofThreads() {
  const threads = (count) => capture([cHost, "--threads", String(count), crash]);
  return {
    name: "gdb-capture, C host, 200 threads against 1",
    aim: "-",
    measure: () => [interleaved([threads(1), threads(200)], rounds)],
  };
}

/** What one more signal costs that a runtime raises and handles on purpose: captures with many and with one, shared out. */
function ofTraps(host, command) {
  const traps = (count) => capture([...command, "--traps", String(count), crash]);
  return {
    name: `gdb-capture, ${host} host, ${TRAPS} benign traps more`,
    aim: "-",
    measure: () => {
      const [one, many] = interleaved([traps(1), traps(1 + TRAPS)], Math.max(3, Math.floor(rounds / 3)));
      return [[one, many], `${((many - one) / TRAPS).toFixed(2)} ms each`];
    },
  };
}

const rows = [
  ofStart(),
  ofCapture("C", [cHost, crash]),
  ofCapture("Node", [process.execPath, nodeHost, crash]),
  ofChecker("valgrind"),
  ofChecker("asan"),
  ofThreads(),
  ofTraps("Go", [join(build, "go-host")]),
  ofTraps("Node", [process.execPath, nodeHost]),
  ofTraps("Java", ["java", "-cp", join(build, "java"), `-Djava.library.path=${build}`, "inventory.Main"]),
].filter(({ name }) => name.includes(values.only));

if (rows.length === 0) {
  console.error(`bench: no row's name has "${values.only}" in it`);
  process.exit(2);
}
console.log("| what, against what | base | ffi-doctor | ratio | more | aim |\n|---|---|---|---|---|---|");
try {
  rows.forEach(print);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
