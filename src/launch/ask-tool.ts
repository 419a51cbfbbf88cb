import { spawn } from "node:child_process";

/** What is kept of an answer, in bytes. */
const MOST = 64 << 20;

/** What a tool answers on its standard output to what it is given; as far as it came, where it takes longer. Never throws. */
export async function askTool(
  file: string,
  args: readonly string[],
  { input, timeoutMs }: { input: string; timeoutMs: number },
): Promise<string> {
  return await new Promise((resolve) => {
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "ignore"] });
    const pieces: Buffer[] = [];
    let size = 0;
    const end = (): void => resolve(Buffer.concat(pieces).toString("utf8"));
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    child.stdout.on("data", (piece: Buffer) => {
      size += piece.length;
      if (size <= MOST) {
        pieces.push(piece);
      }
    });
    // A tool that has gone does not read what it was asked.
    child.stdin.on("error", () => {});
    child.on("error", () => {
      clearTimeout(timer);
      end();
    });
    child.on("close", () => {
      clearTimeout(timer);
      end();
    });
    child.stdin.end(input);
  });
}
