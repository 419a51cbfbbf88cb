import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { root } from "./doctor.js";

const build = join(root, "fixtures/hosts/build");
const nodeHost = [process.execPath, join(root, "fixtures/hosts/node/main.mjs")];

/** How a host is made, which decides what a crash of it looks like. */
export type Kind = "c" | "c-loader" | "go" | "node" | "napi" | "python" | "java" | "ffm" | "rust";

export interface Host {
  name: string;
  kind: Kind;
  /** "{variant}" stands for the library's variant where that is linked in. */
  command: string[];
  /** Whether the crossing call has the script's frames below it: libuv's pool threads run no JavaScript. */
  joined: boolean;
}

function java(program: string, layer: "jni" | "ffm"): string[] {
  const classes = layer === "ffm" ? ["java", "java-ffm"] : ["java"];
  const path = classes.map((name) => join(build, name)).join(":");
  return [program, "-cp", path, `-Djava.library.path=${build}`, "inventory.Main", "--layer", layer];
}

/** The `java` of a JDK of 22 or newer, which has java.lang.foreign for good; null where there is none. */
export function newJava(): string | null {
  const candidates = [onPath("java"), ...installed()];
  return candidates.find((candidate) => candidate !== null && majorOf(candidate) >= 22) ?? null;
}

function installed(): string[] {
  const home = "/usr/lib/jvm";
  return existsSync(home) ? readdirSync(home).map((name) => join(home, name, "bin/java")) : [];
}

function majorOf(java: string): number {
  try {
    const release = join(realpathSync(java), "../../release");
    return Number(/JAVA_VERSION="(\d+)/.exec(readFileSync(release, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function onPath(name: string): string | null {
  const found = (process.env["PATH"] ?? "").split(delimiter).map((dir) => join(dir, name));
  return found.find((file) => existsSync(file)) ?? null;
}

/** A Python that has cffi: the one on PATH, or the distribution's. */
function withCffi(): string | null {
  const candidates = [onPath("python3"), "/usr/bin/python3"];
  return candidates.find((python) => python !== null && spawnSync(python, ["-c", "import cffi"]).status === 0) ?? null;
}

const newest = newJava();

/** Every host that can run here. Which ones must be here is asked by hosts.test.ts. */
export const hosts: Host[] = [
  { name: "c", kind: "c" as const, command: [join(build, "c-host")], joined: true },
  { name: "c-loader", kind: "c-loader" as const, command: [join(build, "c-loader-host")], joined: true },
  { name: "go", kind: "go" as const, command: [join(build, "go-host")], joined: true },
  { name: "go-1.19", kind: "go" as const, command: [join(build, "go-host-1.19")], joined: true },
  { name: "go-static", kind: "go" as const, command: [join(build, "go-static/{variant}/go-host")], joined: true },
  { name: "node", kind: "node" as const, command: nodeHost, joined: true },
  { name: "node-async", kind: "node" as const, command: [...nodeHost, "--mode", "async"], joined: false },
  { name: "node-worker", kind: "node" as const, command: [...nodeHost, "--mode", "worker"], joined: true },
  {
    name: "python",
    kind: "python" as const,
    command: [onPath("python3") ?? "", join(root, "fixtures/hosts/python/main.py")],
    joined: true,
  },
  {
    name: "python-cffi",
    kind: "python" as const,
    command: [withCffi() ?? "", join(root, "fixtures/hosts/python/main.py"), "--layer", "cffi"],
    joined: true,
  },
  { name: "rust", kind: "rust" as const, command: [join(build, "rust-host")], joined: true },
  {
    name: "napi",
    kind: "napi" as const,
    command: [process.execPath, join(root, "fixtures/hosts/napi/main.mjs")],
    joined: true,
  },
  { name: "java", kind: "java" as const, command: java(onPath("java") ?? "", "jni"), joined: true },
  { name: "java-ffm", kind: "ffm" as const, command: java(newest ?? "", "ffm"), joined: true },
].filter(({ command }) => existsSync(commandOf(command, "healthy")[0] ?? ""));

/** A host's command over one variant of the library. */
export function commandOf(command: readonly string[], variant: string): string[] {
  return command.map((word) => word.replace("{variant}", variant));
}
