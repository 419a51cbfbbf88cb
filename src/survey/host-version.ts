import { realpathSync } from "node:fs";
import type { HostRuntime } from "../model/primitives.js";
import type { Target } from "../model/target.js";
import { goVersion } from "./elf.js";

const ASK_LIMIT_MS = 5000;
/** The runtimes whose programs tell their version and do nothing else. */
const ASKED: ReadonlySet<HostRuntime> = new Set(["node", "python", "java"]);

/**
 * The version of the runtime that a command is; null for programs that have none, and where a shim hides it. This very Node needs not
 * be asked, and Go wrote its version into the program.
 */
export async function hostVersion(target: Target, environment: NodeJS.ProcessEnv): Promise<string | null> {
  const binary = target.interpreter ?? target.executable;
  if (target.host.runtime === "go") {
    return goVersion(binary);
  }
  if (!ASKED.has(target.host.runtime)) {
    return null;
  }
  if (binary === realpathSync(process.execPath)) {
    return process.versions.node;
  }
  const { execa } = await import("execa");
  const asked = await execa(binary, [target.host.runtime === "java" ? "-version" : "--version"], {
    reject: false,
    timeout: ASK_LIMIT_MS,
    stdin: "ignore",
    all: true,
    env: environment,
    extendEnv: false,
  });
  return /\d+(\.\d+)+/.exec(asked.all ?? "")?.[0] ?? null;
}
