import { spawn } from "node:child_process";
import { endOf } from "./end-of.js";

/** What is kept of what a build says, in characters. */
const KEPT = 8192;

export interface Built {
  exitCode: number | null;
  signal: string | null;
  /** The last of what it said. */
  output: string;
}

/**
 * Runs the user's own build by a shell, which may do anything. What it says is passed on to `show` as it comes; its standard input is
 * ours.
 */
export async function runBuild(
  command: string,
  environment: NodeJS.ProcessEnv,
  show: (text: string) => void,
): Promise<Built> {
  const child = spawn("/bin/sh", ["-c", command], { env: environment, stdio: ["inherit", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      output = (output + text).slice(-KEPT);
      show(text);
    });
  }
  return { ...(await endOf(child)), output };
}
