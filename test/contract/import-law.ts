import { posix } from "node:path";
import { parseSync } from "oxc-parser";

/** Which folders of src/ a folder may import from, besides itself (design: one direction only). */
const mayImport: Record<string, readonly string[]> = {
  model: [],
  probes: ["model"],
  diagnose: ["model"],
  render: ["model"],
  store: ["model"],
  survey: ["model"],
  rundir: ["model"],
  plan: ["model", "probes"],
  launch: ["model", "rundir"],
  evidence: ["model", "rundir", "probes"],
  session: ["model", "probes", "diagnose", "render", "store", "survey", "rundir", "plan", "launch", "evidence"],
  cli: ["session", "render", "model", "store"],
};

/** Packages and built-in modules that only some folders may use. */
const reserved: Record<string, readonly string[]> = {
  koffi: ["store"],
  execa: ["launch", "survey"],
  "node:child_process": ["launch", "survey"],
  commander: ["cli"],
};

const NAMELESS = /^(utils?|helpers?|misc|common|shared)$/;
const INJECTED = /^src\/probes\/[^/]+\/inject\//;

interface Import {
  /** null: computed at run time, so that nobody can tell. */
  readonly from: string | null;
  readonly line: number;
}

/** Static, type, re-exporting and dynamic imports, and `import("...")` types and `require` calls. */
export function importsOf(file: string, source: string): Import[] {
  const { module, program, errors } = parseSync(file, source);
  if (errors.length > 0) {
    throw new Error(`${file}: ${errors[0]?.message}`);
  }
  const at = (start: number) => source.slice(0, start).split("\n").length;
  const found: Import[] = [];
  for (const { moduleRequest, start } of module.staticImports) {
    found.push({ from: moduleRequest.value, line: at(start) });
  }
  for (const { entries, start } of module.staticExports) {
    for (const { moduleRequest } of entries) {
      if (moduleRequest !== null) {
        found.push({ from: moduleRequest.value, line: at(start) });
      }
    }
  }
  visit(program, (node) => {
    if (node["type"] === "ImportExpression" || node["type"] === "TSImportType") {
      found.push({ from: literal(node["source"] ?? node["argument"]), line: at(Number(node["start"])) });
    } else if (node["type"] === "TSExternalModuleReference") {
      found.push({ from: literal(node["expression"]), line: at(Number(node["start"])) });
    } else if (node["type"] === "CallExpression" && isRequire(node["callee"])) {
      found.push({ from: literal((node["arguments"] as unknown[])[0]), line: at(Number(node["start"])) });
    }
  });
  return found;
}

type Node = Record<string, unknown>;

function visit(value: unknown, each: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) {
      visit(item, each);
    }
  } else if (typeof value === "object" && value !== null) {
    const node = value as Node;
    if (typeof node["type"] === "string") {
      each(node);
    }
    visit(Object.values(node), each);
  }
}

function isRequire(callee: unknown): boolean {
  const { type, name } = callee as Node;
  return type === "Identifier" && name === "require";
}

function literal(node: unknown): string | null {
  const { type, value, literal: inner, quasis } = (node ?? {}) as Node;
  if (type === "TSLiteralType") {
    return literal(inner);
  }
  if (type === "TemplateLiteral" && Array.isArray(quasis) && quasis.length === 1) {
    return String((quasis[0] as { value: { cooked: string } }).value.cooked);
  }
  return typeof value === "string" ? value : null;
}

/** What is wrong with one file, as "file:line: reason"; `file` is relative to the project, with slashes. */
export function violations(file: string, source: string): string[] {
  const nameless = posix
    .dirname(file)
    .split("/")
    .filter((part) => NAMELESS.test(part))
    .map((part) => `${file}:1: a folder named ${part}/ says nothing about what is in it`);
  const [, folder = "", ...inside] = file.split("/");
  if (inside.length === 0) {
    return [...nameless, `${file}:1: every source file lives in a folder of src/`];
  }
  if (mayImport[folder] === undefined) {
    return [...nameless, `${file}:1: the import law knows no folder src/${folder}/`];
  }
  const broken = importsOf(file, source).flatMap(({ from, line }) => {
    const reason = from === null ? "imports a computed name, which no law can judge" : judge(file, folder, from);
    return reason === null ? [] : [`${file}:${line}: ${reason}`];
  });
  return [...nameless, ...broken];
}

function judge(file: string, folder: string, from: string): string | null {
  if (INJECTED.test(file)) {
    return from.startsWith("node:") ? null : `what is planted in a target imports nothing, not ${from}`;
  }
  if (!from.startsWith(".")) {
    return judgePackage(folder, from);
  }
  const target = posix.join(posix.dirname(file), from);
  const [top, targetFolder = ""] = target.split("/");
  if (top !== "src") {
    return `${from} leads out of src/`;
  }
  if (INJECTED.test(target)) {
    return `${from} is planted in targets, not imported`;
  }
  if (targetFolder === folder || mayImport[folder]?.includes(targetFolder) === true) {
    return null;
  }
  return `${folder} may not import ${targetFolder}`;
}

function judgePackage(folder: string, from: string): string | null {
  const name = from.startsWith("@") ? from.split("/").slice(0, 2).join("/") : (from.split("/")[0] ?? from);
  const allowed = reserved[name] ?? reserved[`node:${name}`];
  return allowed === undefined || allowed.includes(folder) ? null : `${name} belongs to ${allowed.join(" and ")} alone`;
}
