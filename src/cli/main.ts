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
  const { main } = await import("./program.js");
  process.exitCode = await main(process.argv);
}
