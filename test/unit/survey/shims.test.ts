import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { unwrapShims } from "../../../src/survey/shims.js";

const root = realpathSync(mkdtempSync(join(tmpdir(), "ffi-doctor-shims-")));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function executable(path: string, text: string): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

const node = realpathSync(process.execPath);
const real = join(root, "versions/3.11.7/bin/python3");
mkdirSync(dirname(real), { recursive: true });
symlinkSync(node, real);
const pyenv = executable("libexec/pyenv", `#!/bin/sh\n[ "$1 $2" = "which python3" ] && echo "${real}" || exit 1\n`);
const shim = executable(
  "shims/python3",
  `#!/usr/bin/env bash\nset -e\nprogram="\${0##*/}"\nexec "${pyenv}" exec "$program" "$@"\n`,
);
const PATH = `${dirname(shim)}:/usr/bin:/bin`;

describe("a shim is taken off", () => {
  it("of pyenv: the real interpreter, its folder first on PATH, and said", async () => {
    const { command, environment, interventions } = await unwrapShims(["python3", "-c", "x"], { PATH });
    expect(command).toEqual([real, "-c", "x"]);
    expect(environment).toEqual({ PATH: `${dirname(real)}:${PATH}`, PYENV_VERSION: "3.11.7" });
    expect(interventions).toMatchObject([
      { what: expect.stringContaining(real), why: expect.stringContaining("pyenv") },
    ]);
  });

  it("of asdf, named by its path", async () => {
    const asdf = executable("asdf/bin/asdf", `#!/bin/sh\necho "${real}"\n`);
    const file = executable(
      "asdf/shims/node",
      `#!/usr/bin/env bash\n# asdf-plugin: nodejs\nexec ${asdf} exec "node" "$@"\n`,
    );
    expect((await unwrapShims([file, "a.js"], { PATH })).command).toEqual([real, "a.js"]);
  });

  it("of volta, whose shims are one program of many names", async () => {
    const bin = join(root, "home/.volta/bin");
    executable("home/.volta/bin/volta", `#!/bin/sh\necho "${real}"\n`);
    symlinkSync(node, join(bin, "node"));
    const { command, interventions } = await unwrapShims([join(bin, "node"), "a.js"], { PATH });
    expect(command).toEqual([real, "a.js"]);
    expect(interventions[0]?.why).toContain("volta");
  });

  it("of nvm-exec: the program behind it", async () => {
    const text = `#!/usr/bin/env bash\nPATH="${dirname(real)}:$PATH"\nexec "$@"\n`;
    const file = executable("nvm/nvm-exec", text);
    expect((await unwrapShims([file, "python3", "a.py"], { PATH: "/usr/bin:/bin" })).command).toEqual([real, "a.py"]);
  });

  it("of npm's node_modules/.bin: env is left out, as it would only start node", async () => {
    const tool = executable("node_modules/tool/cli.mjs", "#!/usr/bin/env node\nprocess.exit(0);\n");
    const link = join(root, "node_modules/.bin/tool");
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(tool, link);
    const { command, interventions } = await unwrapShims([link, "x"], {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    });
    expect({ command, interventions }).toEqual({ command: ["node", link, "x"], interventions: [] });
  });

  it("through env and then pyenv", async () => {
    const script = executable("app/serve", "#!/usr/bin/env python3\npass\n");
    expect((await unwrapShims([script], { PATH })).command).toEqual([real, script]);
  });
});

describe("a command that is none stays as it is", () => {
  it.each([
    ["a program", [process.execPath, "a.js"]],
    ["a script with options for env", [executable("e", "#!/usr/bin/env -S node --no-warnings\n")]],
    ["a script of a shell", [executable("s", "#!/bin/sh\nexec node a.js\n")]],
    ["nothing that is there", ["no-such-command-here"]],
  ])("%s", async (_name, command) => {
    expect(await unwrapShims(command, { PATH })).toEqual({ command, environment: {}, interventions: [] });
  });

  it("and so does a shim whose manager does not know, or talks nonsense", async () => {
    for (const [name, says] of [
      ["silent", "exit 1"],
      ["nonsense", "echo not-a-path"],
      ["gone", "echo /nonexistent/python3"],
    ]) {
      const manager = executable(`${name}/pyenv`, `#!/bin/sh\n${says}\n`);
      const file = executable(`${name}/python3`, `#!/bin/bash\nexec "${manager}" exec "$program" "$@"\n`);
      expect((await unwrapShims([file, "a"], { PATH })).command).toEqual([file, "a"]);
    }
  });
});
