import { existsSync, readFileSync } from "node:fs";

/** What the kernel and the limits say about cores here. */
export interface CoreRules {
  /** /proc/sys/kernel/core_pattern; null where it cannot be read. */
  pattern: string | null;
  /** core_uses_pid: ".<pid>" is put behind a name without %p. */
  usesPid: boolean;
  /** RLIMIT_CORE of this shell, in bytes; null for unlimited, undefined where it is not known. */
  soft: number | null | undefined;
  hard: number | null | undefined;
  container: boolean;
}

/** Where a core of a process started from this shell would go, and what to type. */
export interface CoreAdvice {
  /** `file`: the kernel writes one. `pipe`: a program is given it. `none`: it goes nowhere. */
  kind: "file" | "pipe" | "none" | "unknown";
  /** The program behind a pipe: its name, such as "systemd-coredump". */
  handler: string | null;
  /** One sentence. */
  where: string;
  /** How to get at a core, in order, as typed. */
  fetch: string[];
  /** What keeps a core from being written or found, and what mends it. */
  hindrances: { what: string; mend: string }[];
}

/** core(5). */
const NAMES: Record<string, string> = {
  p: "<pid>",
  P: "<pid>",
  i: "<tid>",
  I: "<tid>",
  u: "<uid>",
  g: "<gid>",
  s: "<signal>",
  t: "<time>",
  h: "<host>",
  e: "<program>",
  f: "<program>",
  E: "<program's path, with ! for />",
  c: "<limit>",
  d: "<mode>",
  C: "<cpu>",
  "%": "%",
};

const PLAIN_FILES = "sysctl -w kernel.core_pattern=core.%p";

interface Handler {
  pattern: RegExp;
  name: string;
  where: string;
  fetch: string[];
  caveat?: { what: string; mend: string };
}

const HANDLERS: readonly Handler[] = [
  {
    pattern: /systemd-coredump$/,
    name: "systemd-coredump",
    where: "systemd-coredump keeps it, packed, in /var/lib/systemd/coredump, and coredumpctl gives it out",
    fetch: ["coredumpctl list", "coredumpctl info <pid>", "coredumpctl dump -o core <pid>", "ffi-doctor core core"],
    caveat: {
      what: "systemd-coredump cuts a core of more than ProcessSizeMax, or keeps none of more than ExternalSizeMax",
      mend: "raise both in /etc/systemd/coredump.conf",
    },
  },
  {
    pattern: /apport$/,
    name: "apport",
    where: "apport packs it into a report in /var/crash",
    fetch: [
      "ls /var/crash",
      "apport-unpack /var/crash/<report>.crash crash",
      "ffi-doctor core crash/CoreDump $(cat crash/ExecutablePath)",
    ],
    caveat: {
      what: "apport drops crashes of programs that no package brought",
      mend: "mkdir -p ~/.config/apport && printf '[main]\\nunpackaged=true\\n' > ~/.config/apport/settings",
    },
  },
  {
    pattern: /abrt-hook-ccpp$/,
    name: "abrt",
    where: "abrt keeps it in a folder of its own in /var/spool/abrt",
    fetch: ["abrt-cli list", "ffi-doctor core /var/spool/abrt/<folder>/coredump"],
    caveat: {
      what: "abrt drops crashes of programs that no package brought",
      mend: "set ProcessUnpackaged = yes in /etc/abrt/abrt-action-save-package-data.conf",
    },
  },
  {
    pattern: /wsl-capture-crash$/,
    name: "wsl-capture-crash",
    where: "WSL hands it to Windows, which keeps it in %LOCALAPPDATA%\\Temp\\wsl-crashes",
    fetch: [PLAIN_FILES, "<run the command again>", "ffi-doctor core core.<pid>"],
  },
];

/** What the rules mean for a process that is started from here. `isThere` looks for a folder. */
export function explainCores(rules: CoreRules, isThere: (folder: string) => boolean = existsSync): CoreAdvice {
  const { pattern } = rules;
  if (pattern === null) {
    return {
      kind: "unknown",
      handler: null,
      where: "where cores go is not known: /proc/sys/kernel/core_pattern cannot be read",
      fetch: [],
      hindrances: limitHindrance(rules),
    };
  }
  const advice = pattern.startsWith("|") ? piped(pattern.slice(1).trim(), rules) : written(pattern, rules, isThere);
  return rules.container ? { ...advice, hindrances: [...advice.hindrances, hostRule(advice)] } : advice;
}

function piped(command: string, rules: CoreRules): CoreAdvice {
  const program = command.split(/\s+/)[0] ?? "";
  const name = program.split("/").at(-1) ?? program;
  if (name === "false" || name === "true") {
    return { ...nowhere(`the kernel gives it to ${program}, which throws it away`), handler: name };
  }
  const known = HANDLERS.find(({ pattern }) => pattern.test(program));
  const caveats = known?.caveat === undefined ? [] : [known.caveat];
  const off =
    rules.soft === 0 && known?.name !== undefined
      ? [
          {
            what: "the limit of this shell is 0 (ulimit -c), which some such programs heed",
            mend: "ulimit -c unlimited",
          },
        ]
      : [];
  return {
    kind: "pipe",
    handler: known?.name ?? name,
    where: known?.where ?? `the kernel gives it to ${program}, which ffi-doctor does not know`,
    fetch: known?.fetch ?? [PLAIN_FILES, "<run the command again>", "ffi-doctor core core.<pid>"],
    hindrances: [...off, ...caveats],
  };
}

function written(pattern: string, rules: CoreRules, isThere: (folder: string) => boolean): CoreAdvice {
  if (pattern === "" && !rules.usesPid) {
    return nowhere("core_pattern is empty, so that the kernel writes none");
  }
  if (/^\/dev\/(null|zero|full)$/.test(pattern)) {
    return nowhere(`the kernel writes it to ${pattern}`);
  }
  const name = fileName(pattern, rules.usesPid);
  const absolute = name.startsWith("/");
  const folder = name.slice(0, Math.max(1, name.lastIndexOf("/")));
  return {
    kind: "file",
    handler: null,
    where: absolute
      ? `the kernel writes ${name}`
      : `the kernel writes ${name} in the working directory of the process that dies`,
    fetch: [
      ...(limitHindrance(rules).length > 0 ? ["ulimit -c unlimited"] : []),
      "<run the command again>",
      `ffi-doctor core ${name}`,
    ],
    hindrances: [
      ...limitHindrance(rules),
      ...(name.includes("<pid>") || name.includes("<time>") ? [] : overwritten(name)),
      ...(absolute && !isThere(folder)
        ? [{ what: `the folder ${folder} is not there, so that nothing is written`, mend: `mkdir -p ${folder}` }]
        : []),
    ],
  };
}

function overwritten(name: string): CoreAdvice["hindrances"] {
  return [{ what: `each core replaces the one before: all are called ${name}`, mend: PLAIN_FILES }];
}

function fileName(pattern: string, usesPid: boolean): string {
  const named = pattern.replace(/%(.?)/g, (_, letter: string) => NAMES[letter] ?? "");
  return usesPid && !/%[pP]/.test(pattern) ? `${named}.<pid>` : named;
}

function nowhere(where: string): CoreAdvice {
  return {
    kind: "none",
    handler: null,
    where: `no core is kept: ${where}`,
    fetch: [PLAIN_FILES, "ulimit -c unlimited", "<run the command again>", "ffi-doctor core core.<pid>"],
    hindrances: [{ what: "cores go nowhere", mend: PLAIN_FILES }],
  };
}

/** RLIMIT_CORE, as far as the kernel itself heeds it: not for pipes. */
function limitHindrance({ soft, hard }: CoreRules): CoreAdvice["hindrances"] {
  if (soft === null || soft === undefined) {
    return [];
  }
  const what =
    soft === 0
      ? "this shell's limit is 0 (ulimit -c), so that no core is written"
      : `this shell's limit cuts cores at ${soft} bytes (ulimit -c)`;
  return [
    {
      what,
      mend:
        hard === null || hard === undefined
          ? "ulimit -c unlimited"
          : `prlimit --core=unlimited --pid $$   (as root: the hard limit is ${hard} bytes; in a container: docker run --ulimit core=-1)`,
    },
  ];
}

function hostRule({ kind, handler }: CoreAdvice): CoreAdvice["hindrances"][number] {
  return {
    what:
      kind === "pipe"
        ? `this is a container: core_pattern is the host's, and ${handler ?? "its program"} runs on the host, where the core stays`
        : "this is a container: core_pattern is the host's and the same for all of its containers; a file is written in the container of the process, and goes with it",
    mend: `on the host: ${PLAIN_FILES}; then docker run --ulimit core=-1 -w <a mounted folder> ...`,
  };
}

/** The rules in force here. */
export function coreRules(environment: NodeJS.ProcessEnv): CoreRules {
  const limits = /^Max core file size\s+(\S+)\s+(\S+)/m.exec(read("/proc/self/limits") ?? "");
  return {
    pattern: read("/proc/sys/kernel/core_pattern")?.replace(/\n$/, "") ?? null,
    usesPid: read("/proc/sys/kernel/core_uses_pid")?.trim() === "1",
    soft: limit(limits?.[1]),
    hard: limit(limits?.[2]),
    container: existsSync("/.dockerenv") || existsSync("/run/.containerenv") || (environment["container"] ?? "") !== "",
  };
}

function limit(text: string | undefined): number | null | undefined {
  return text === undefined ? undefined : text === "unlimited" ? null : Number(text);
}

function read(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
