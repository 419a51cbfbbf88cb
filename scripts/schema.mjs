// schema.mjs [--check]: the JSON Schemas of the shared formats, from the built model into docs/schema/.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { Config } from "../dist/model/config.js";
import { Evidence } from "../dist/model/evidence.js";
import { RunManifest } from "../dist/model/manifest.js";
import { Options } from "../dist/model/options.js";
import { Report } from "../dist/model/report.js";

const FOLDER = "docs/schema";
const schemas = { config: Config, evidence: Evidence, options: Options, report: Report, "run-manifest": RunManifest };
/** What has a default need not be there. */
const WRITTEN_BY_HAND = new Set(["config"]);
const check = process.argv.includes("--check");

function current(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

let stale = 0;
mkdirSync(FOLDER, { recursive: true });
for (const [name, schema] of Object.entries(schemas)) {
  const file = `${FOLDER}/${name}.schema.json`;
  const text = `${JSON.stringify({ title: `ffi-doctor ${name}`, ...z.toJSONSchema(schema, { io: WRITTEN_BY_HAND.has(name) ? "input" : "output" }) }, null, 2)}\n`;
  if (current(file) === text) {
    continue;
  }
  stale += 1;
  if (check) {
    console.error(`${file} is not what the model says; run: npm run schema`);
  } else {
    writeFileSync(file, text);
    console.log(`${file}: written`);
  }
}
if (check && stale > 0) {
  process.exitCode = 1;
}
