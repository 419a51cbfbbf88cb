// npm run bench:recorder [-- --rounds N]: what the recorder costs inside the target, beside other means. Interleaved medians; Markdown.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const root = join(import.meta.dirname, "..");
const recorder = join(root, "native/build/ffi_doctor_recorder.so");
const { values } = parseArgs({ options: { rounds: { type: "string", default: "5" } } });
const rounds = Number(values.rounds);
const PAIRS = 100_000;
const STARTS = 200;

if (!Number.isInteger(rounds) || rounds < 1) {
  console.error("bench: --rounds takes a whole number from 1 on");
  process.exit(2);
}
if (!existsSync(recorder)) {
  console.error("bench: nothing is built here yet; run: npm run setup:test");
  process.exit(2);
}

const scratch = mkdtempSync(join(tmpdir(), "ffi-doctor-bench-"));
const boxes = join(scratch, "boxes");
const library = join(scratch, "libpairs.so");
const program = join(scratch, "pairs");
const cpu = join(scratch, "cpu");
const script = join(scratch, "calls.mjs");

function run(command, env = {}) {
  rmSync(boxes, { recursive: true, force: true });
  mkdirSync(boxes);
  const done = spawnSync(command[0], command.slice(1), { encoding: "utf8", env: { ...process.env, ...env } });
  if (done.status !== 0) {
    throw new Error(`bench: ${command.join(" ")} ended with ${done.status ?? done.signal}: ${done.stderr}`);
  }
  return done.stdout;
}

function build() {
  const source = join(import.meta.dirname, "pairs.c");
  run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, source]);
  run(["gcc", "-O2", "-DPROGRAM", "-o", program, source, library, `-Wl,-rpath,${scratch}`, "-lpthread"]);
  run(["gcc", "-O2", "-o", cpu, join(import.meta.dirname, "cpu.c")]);
  writeFileSync(
    script,
    `import koffi from ${JSON.stringify(join(root, "node_modules/koffi/index.js"))};
const pair = koffi.load(${JSON.stringify(library)}).func("void pair(uint32_t size)");
for (let i = 0; i < 2000; i++) pair(64);
const before = process.cpuUsage();
for (let i = 0; i < ${PAIRS}; i++) pair(64 + ((i * 7919) % 4033));
const { user, system } = process.cpuUsage(before);
console.log((((user + system) * 1000) / ${PAIRS}).toFixed(1));
`,
  );
}

function recorded(options, libs = "libpairs.so") {
  return {
    LD_PRELOAD: recorder,
    FFI_DOCTOR_RECORDER: boxes,
    FFI_DOCTOR_RECORDER_LIBS: libs,
    FFI_DOCTOR_RECORDER_OPTIONS: options,
  };
}

const installed = (name) => {
  const found = spawnSync("gcc", [`-print-file-name=${name}`], { encoding: "utf8" }).stdout.trim();
  const places = [found, `/usr/lib/x86_64-linux-gnu/${name}`];
  return places.find((file) => file.startsWith("/") && existsSync(file)) ?? null;
};

/** Each way to run a program: its name, the environment, and what goes before its argv. */
function ways() {
  const preloaded = (name, file, env = {}) => {
    const path = installed(file);
    return path === null ? [] : [{ name, env: { LD_PRELOAD: path, ...env } }];
  };
  return [
    { name: "bare", env: {} },
    { name: "run: fill and canaries", env: recorded("heap=poison:stacks=off:signals=on") },
    { name: "run: the default, with both stacks", env: recorded("heap=poison:stacks=full:signals=on") },
    { name: "run --heap guard, with both stacks", env: recorded("heap=guard:stacks=full:signals=on") },
    ...["userfaultfd", "madv-guard", "mprotect", "fill"].map((rung) => ({
      name: `the same, from the rung ${rung} on`,
      env: recorded(`heap=guard:stacks=full:signals=on:rung=${rung}`),
    })),
    ...preloaded("jemalloc, junk filling", "libjemalloc.so.2", { MALLOC_CONF: "junk:true" }),
    ...preloaded("glibc's malloc_debug, MALLOC_CHECK_=3", "libc_malloc_debug.so.0", { MALLOC_CHECK_: "3" }),
    ...preloaded("tcmalloc_debug", "libtcmalloc_debug.so.4"),
    ...preloaded("AddressSanitizer preloaded", "libasan.so", { ASAN_OPTIONS: "detect_leaks=0" }),
  ];
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** The median of each way's figure, the ways in turn, the first round left out. */
function inTurn(all, figure) {
  const seen = all.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    all.forEach((way, i) => {
      const value = figure(way);
      if (round > 0) {
        seen[i].push(value);
      }
    });
  }
  return seen.map(median);
}

function pairsTable() {
  const all = ways();
  const columns = [
    ["C", ({ env }) => Number(run([program, String(PAIRS)], env))],
    ["C, a second thread busy", ({ env }) => Number(run([program, String(PAIRS), "busy"], env))],
    ["Node + koffi", ({ env }) => Number(run([process.execPath, script], env))],
  ].map(([name, figure]) => ({ name, figures: inTurn(all, figure) }));
  console.log(
    `\nA pair of malloc and free of 64 to 4096 bytes in the library, CPU time in ns, and what is added to bare:\n`,
  );
  console.log(`| way | ${columns.map(({ name }) => name).join(" | ")} |\n|---|${"---|".repeat(columns.length)}`);
  all.forEach(({ name }, i) => {
    const cells = columns.map(({ figures }) => `${figures[i].toFixed(0)} (+${(figures[i] - figures[0]).toFixed(0)})`);
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  });
}

function hostsTable() {
  const healthy = { LD_LIBRARY_PATH: join(root, "native/build/store/healthy") };
  const python = run(["python3", "-c", "import sys; print(sys.executable)"]).trim();
  const hosts = [
    ["Node", [process.execPath, join(root, "fixtures/hosts/node/main.mjs"), "healthy"]],
    ["Python", [python, join(root, "fixtures/hosts/python/main.py"), "healthy"]],
  ];
  const all = [
    { name: "bare", env: {} },
    { name: "run", env: recorded("heap=poison:stacks=full:signals=on", "libffi_doctor_store.so") },
    { name: "run --heap guard", env: recorded("heap=guard:stacks=full:signals=on", "libffi_doctor_store.so") },
  ];
  console.log("\nThe healthy workload of a host, CPU time and peak memory:\n");
  console.log("| host | way | CPU | ratio | peak memory |\n|---|---|---|---|---|");
  for (const [name, command] of hosts) {
    let memory = [];
    const kept = all.map(() => []);
    const times = inTurn(all, (way) => {
      const [micros, kib] = run([cpu, ...command], { ...healthy, ...way.env })
        .trim()
        .split(" ")
        .map(Number);
      kept[all.indexOf(way)].push(kib);
      return micros;
    });
    memory = kept.map(median);
    all.forEach((way, i) => {
      const ratio = (times[i] / times[0]).toFixed(2);
      console.log(
        `| ${name} | ${way.name} | ${(times[i] / 1000).toFixed(0)} ms | ${ratio} | ${(memory[i] / 1024).toFixed(0)} MiB |`,
      );
    });
  }
}

function startTable() {
  const loop = `for i in $(seq ${STARTS}); do /bin/true; done`;
  const all = [
    { name: "bare", env: {} },
    { name: "run", env: recorded("heap=poison:stacks=full:signals=on") },
  ];
  const times = inTurn(all, ({ env }) => {
    const before = process.hrtime.bigint();
    run(["bash", "-c", loop], env);
    return Number(process.hrtime.bigint() - before) / 1e6 / STARTS;
  });
  console.log(
    `\nThe start of a process (/bin/true, from a shell that is recorded, too): ${times[0].toFixed(2)} ms bare, ${times[1].toFixed(2)} ms recorded, +${(times[1] - times[0]).toFixed(2)} ms.`,
  );
}

try {
  build();
  pairsTable();
  hostsTable();
  startTable();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
