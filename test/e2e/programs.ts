import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { root } from "./doctor.js";
import { hosts } from "./hosts.js";

/** A program that must not notice that it is recorded. */
export interface Program {
  name: string;
  /** What it needs on PATH. */
  needs: string;
  command: readonly string[];
  env?: Record<string, string>;
  /** Made in the folder that it runs in, once for the bare run and once for the recorded one. */
  files?: Record<string, string>;
  /** Run in that folder beforehand, without the recorder. */
  before?: readonly (readonly string[])[];
  /** What differs from run to run by itself, and is taken out of its output. */
  varies?: RegExp;
}

export function has(command: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => existsSync(join(folder, command)));
}

/** The folder as a program finds it. */
export function prepare(folder: string, { files, before, env }: Program): void {
  for (const [name, content] of Object.entries(files ?? {})) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  for (const [program = "", ...args] of before ?? []) {
    const { status, stderr } = spawnSync(program, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      encoding: "utf8",
    });
    if (status !== 0) {
      throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
    }
  }
}

const source = (name: string): string => join(root, "fixtures/undisturbed", name);
const hostNamed = (name: string): readonly string[] => hosts.find((host) => host.name === name)?.command ?? [];

const GIT = {
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@example.org",
  GIT_AUTHOR_DATE: "2020-01-01T00:00:00Z",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@example.org",
  GIT_COMMITTER_DATE: "2020-01-01T00:00:00Z",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
};
const REPOSITORY = `set -e
git init -q -b main .
for i in 1 2 3 4 5; do seq "$i" 2000 > "file$i"; git add .; git commit -q -m "number $i"; done
git gc -q
git log --stat
git fsck --strict
git log --oneline missing
`;
const PIPES = `seq 1 50000 | sort -rn | awk '{ sum += $1 } END { print sum }'
printf '%s\\n' b a c | sort | tee copy | md5sum
cat <(seq 3) <(seq 2) | xargs -n 2 echo
for i in $(seq 40); do (exit "$i") || true; done
trap 'echo ended by TERM; exit 9' TERM
(kill -TERM $$)
sleep 1
`;
const TABLE = `create table t(a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) insert into t select i, hex(i * 7919) from n;
create index tb on t(b);
select count(*), sum(a), max(b) from t where b like '3%';
select nothing from t;
`;
const GO_MOD = "module scratch\n\ngo 1.19\n";
const GO_VETTED = 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Printf("%d\\n", "text")\n}\n';
const RUST =
  'fn main() {\n    let words: Vec<String> = (0..9).map(|i| format!("{i:?}")).collect();\n    println!("{}", words.join(" "));\n}\n';
const CPP =
  "#include <iostream>\n#include <map>\nint main() { std::map<int, int> m{{1, 2}}; std::cout << m[1] << '\\n'; }\n";

const GO = { GOFLAGS: "-mod=mod", GOPROXY: "off", GOTOOLCHAIN: "local", GOWORK: "off" };
/** Of unittest: how long it took. */
const TOOK = /in [\d.]+s/g;

/** Programs as they are used every day. */
export const programs: readonly Program[] = [
  { name: "node: workers, WebAssembly, children", needs: "node", command: ["node", source("busy.mjs")] },
  { name: "node: a server under load", needs: "node", command: ["node", source("server.mjs")] },
  {
    name: "node: an error that nobody catches",
    needs: "node",
    command: ["node", "-e", "setTimeout(() => { throw new TypeError('as meant'); }, 10)"],
  },
  { name: "npm --version", needs: "npm", command: ["npm", "--version"] },
  {
    name: "python: the tests of json",
    needs: "python3",
    command: ["python3", "-m", "unittest", "-q", "test.test_json"],
    varies: TOOK,
  },
  {
    name: "python: the tests of ctypes",
    needs: "python3",
    command: ["python3", "-m", "unittest", "-q", "ctypes.test"],
    varies: TOOK,
  },
  { name: "python: much of its library", needs: "python3", command: ["python3", source("busy.py")] },
  {
    name: "python: an error that nobody catches",
    needs: "python3",
    command: ["python3", "-c", "import json; json.loads('{')"],
  },
  // Go's own tools are linked statically, which nothing is loaded into: it is the shell that is recorded, as in any build script.
  { name: "go version", needs: "go", command: ["sh", "-c", "go version; exit 3"] },
  {
    name: "go vet, of what is wrong",
    needs: "go",
    command: ["sh", "-c", "go vet ./... || exit 4"],
    env: GO,
    files: { "go.mod": GO_MOD, "main.go": GO_VETTED },
  },
  {
    name: "go: goroutines, faults of its own, C below it",
    needs: "go",
    command: ["./busy"],
    env: GO,
    files: { "go.mod": GO_MOD },
    before: [
      ["cp", source("busy.go"), "."],
      ["go", "build", "-o", "busy", "."],
    ],
  },
  { name: "java -version", needs: "java", command: ["java", "-version"] },
  {
    name: "java: threads, collections, faults of its own",
    needs: "javac",
    command: ["java", "-cp", ".", "Busy"],
    before: [["javac", "-d", ".", source("Busy.java")]],
  },
  { name: "javac", needs: "javac", command: ["javac", "-d", ".", "-Xlint:all", source("Busy.java")] },
  { name: "rustc --version", needs: "rustc", command: ["rustc", "--version"] },
  { name: "cargo --version", needs: "cargo", command: ["cargo", "--version"] },
  {
    name: "rustc, and what it made",
    needs: "rustc",
    command: ["sh", "-c", "rustc -O -o made made.rs && ./made"],
    files: { "made.rs": RUST },
  },
  {
    name: "g++, and what it made",
    needs: "g++",
    command: ["sh", "-c", "g++ -O2 -o made made.cc && ./made"],
    files: { "made.cc": CPP },
  },
  {
    name: "gcc: a file that is wrong",
    needs: "gcc",
    command: ["gcc", "-Wall", "-c", "wrong.c"],
    files: { "wrong.c": "int main(void) { return missing; }\n" },
  },
  { name: "git: a repository", needs: "git", command: ["bash", "-c", REPOSITORY], env: GIT },
  {
    name: "sqlite3: a table",
    needs: "sqlite3",
    command: ["sh", "-c", "sqlite3 base.db < table.sql"],
    files: { "table.sql": TABLE },
  },
  { name: "bash: pipes, children, a trap", needs: "bash", command: ["bash", "-c", PIPES] },
  {
    name: "perl: patterns, sorting, a child",
    needs: "perl",
    command: [
      "perl",
      "-e",
      'my %h = map { $_ => length } split /\\W+/, `echo one two three`; print "$_ $h{$_}\\n" for sort keys %h; exit 5',
    ],
  },
];

/** A real server, which not every machine has. */
export const redis: Program = {
  name: "redis-server, asked by its own benchmark",
  needs: "redis-server",
  command: ["sh", source("redis.sh")],
};

/** The sound hosts of the storage shim with handlers of crashes of their own. */
export const handled: readonly Program[] = [
  {
    name: "python -X faulthandler -X dev",
    needs: "python3",
    command: ["python3", "-X", "faulthandler", "-X", "dev", ...hostNamed("python").slice(1)],
  },
  {
    name: "go, GOTRACEBACK=crash",
    needs: "go",
    command: hostNamed("go"),
    env: { GOTRACEBACK: "crash" },
  },
  {
    name: "node --abort-on-uncaught-exception --report-on-fatalerror",
    needs: "node",
    command: ["node", "--abort-on-uncaught-exception", "--report-on-fatalerror", ...hostNamed("node").slice(1)],
  },
  {
    name: "java -XX:+CreateCoredumpOnCrash -XX:ErrorFile",
    needs: "java",
    command: ["java", "-XX:+CreateCoredumpOnCrash", "-XX:ErrorFile=crash.log", ...hostNamed("java").slice(1)],
  },
  { name: "rust, RUST_BACKTRACE=full", needs: "cargo", command: hostNamed("rust"), env: { RUST_BACKTRACE: "full" } },
  { name: "c", needs: "gcc", command: hostNamed("c"), env: { MALLOC_PERTURB_: "170" } },
].map((program) => ({ ...program, command: [...program.command, "--traps", "2", "--exit", "7", "healthy"] }));
