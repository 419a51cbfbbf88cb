import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { validateXML } from "xmllint-wasm";

// SARIF's schema as schemastore has it, which is OASIS' own.
const sarifFile = createRequire(import.meta.url).resolve("schemastore/schemas/json/sarif-2.1.0.json");
const ajv = new Ajv({ strict: false, validateSchema: false, unicodeRegExp: false });
addFormats.default(ajv);
const sarif = JSON.parse(readFileSync(sarifFile, "utf8")) as Record<string, unknown>;
const validate = ajv.compile({ ...sarif, $schema: "http://json-schema.org/draft-07/schema#" });

const junit = readFileSync(join(import.meta.dirname, "junit.xsd"), "utf8");

/** What the schema of SARIF 2.1.0 has against it. */
export function sarifProblems(log: unknown): string[] {
  validate(log);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message}`);
}

/** What the schema of JUnit's XML has against any of them. */
export async function junitProblems(...texts: string[]): Promise<string[]> {
  const xml = texts.map((contents, i) => ({ fileName: `${i}.xml`, contents }));
  const { errors } = await validateXML({ xml, schema: junit });
  return errors.map(({ rawMessage }) => rawMessage);
}
