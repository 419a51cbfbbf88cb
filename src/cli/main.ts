#!/usr/bin/env node
import { readFileSync } from "node:fs";

const [first, ...others] = process.argv.slice(2);

// Before anything is imported: scripts ask for the version often, and it must cost no more than starting Node.
if ((first === "--version" || first === "-V") && others.length === 0) {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  process.stdout.write(`${version}\n`);
} else {
  // Node's own status for what nobody caught is 1, which here means findings.
  process.on("uncaughtException", end);
  const { main } = await import("./program.js").catch(end);
  process.exitCode = await main(process.argv);
}

/** Ends with what went wrong and a status of our own, also when the installation is too damaged to say it well. */
async function end(error: unknown): Promise<never> {
  const status = await import("./streams.js").then(
    ({ complain }) => complain(error),
    () => {
      process.stderr.write(`ffi-doctor: this installation is damaged\n${String(error)}\n`);
      return 70;
    },
  );
  process.exit(status);
}
