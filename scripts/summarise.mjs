// summarise.mjs <results folder> <conditions.json>: one verdict over the gate, cargo's tests and vitest's.
// Fails when anything failed, when a part ran no test, and when something was skipped that conditions.json does not allow.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, conditions] = process.argv.slice(2);

function read(name) {
  try {
    return readFileSync(join(folder, name), "utf8");
  } catch {
    return "";
  }
}

function gate() {
  const lines = read("check.tsv").split("\n").filter(Boolean);
  return lines.map((line) => {
    const [state, name] = line.split("\t");
    return { part: "check", state, name };
  });
}

/** libtest prints one line a test; one that took the process down leaves only the status. */
function cargo() {
  const tests = [...read("cargo.log").matchAll(/^test (.+?) \.\.\. (ok|FAILED|ignored)/gm)].map(([, name, word]) => ({
    part: "cargo",
    name,
    state: { ok: "passed", FAILED: "failed", ignored: "skipped" }[word],
  }));
  return [...tests, ...unexplained("cargo", tests)];
}

function vitest() {
  const text = read("vitest.json");
  const suites = text === "" ? [] : JSON.parse(text).testResults;
  const tests = suites.flatMap(({ name, status, assertionResults }) => {
    const file = name.slice(name.lastIndexOf("/test/") + 1);
    // A file that cannot be loaded has no tests to fail.
    if (assertionResults.length === 0 && status !== "passed") {
      return [{ part: "vitest", name: `${file} (did not load)`, state: "failed" }];
    }
    return assertionResults.map(({ fullName, status: state }) => ({
      part: "vitest",
      name: `${file} ${fullName}`,
      state: ["passed", "failed"].includes(state) ? state : "skipped",
    }));
  });
  return [...tests, ...unexplained("vitest", tests)];
}

/** A part that ran nothing, or that failed without naming a test, is one failure itself. */
function unexplained(part, tests) {
  const status = read(`${part}.status`).trim();
  if (!tests.some(({ state }) => state !== "skipped")) {
    return [{ part, name: "ran no test", state: "failed" }];
  }
  if (status !== "0" && !tests.some(({ state }) => state === "failed")) {
    return [{ part, name: `ended with status ${status} though no test failed`, state: "failed" }];
  }
  return [];
}

const { allowedSkips } = JSON.parse(readFileSync(conditions, "utf8"));
const all = [...gate(), ...cargo(), ...vitest()];
const of = (state) => all.filter((test) => test.state === state);
const reason = ({ name }) => allowedSkips.find((allowed) => allowed.name === name)?.reason;

for (const { part, name } of of("failed")) {
  console.log(`FAILED  ${part}: ${name}`);
}
for (const test of of("skipped")) {
  console.log(`SKIPPED ${test.part}: ${test.name} (${reason(test) ?? `not allowed to: see ${conditions}`})`);
}
const unexcused = of("skipped").filter((test) => reason(test) === undefined);
if (gate().length === 0) {
  console.log("FAILED  check: ran nothing");
}
process.exitCode = of("failed").length > 0 || unexcused.length > 0 || gate().length === 0 ? 1 : 0;
if (unexcused.length > 0) {
  console.log(`${unexcused.length} that should have run did not: that fails the whole`);
}
console.log(`${of("passed").length} passed, ${of("failed").length} failed, ${of("skipped").length} skipped`);
