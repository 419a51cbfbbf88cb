import { Command, Option } from "commander";
import type { ToolFact } from "../../model/target.js";
import { escapeText } from "../../render/escape.js";
import { EXIT } from "../exit-code.js";
import { terminalOf } from "../streams.js";

/** Not those of a report: an account of the machine has no findings. */
const FORMATS = ["terminal", "json"] as const;

/** `env`: what can be used here, and why not. */
export function envCommand(set: (status: number) => void): Command {
  return new Command("env")
    .description("Say what can be used here, what not and why, and the exact command that mends it.")
    .addOption(new Option("--format <format>", "how to say it").choices(FORMATS).default("terminal"))
    .addOption(new Option("--json").implies({ format: "json" }).hideHelp())
    .option("--no-color", "no colour, also on a terminal")
    .action(async (flags: { format: (typeof FORMATS)[number]; color: boolean }) => {
      const { surveyEnvironment } = await import("../../session/environment.js");
      const environment = await surveyEnvironment(process.env);
      process.stdout.write(
        flags.format === "json"
          ? `${JSON.stringify(environment, null, 2)}\n`
          : await text(environment, flags.color ? null : false),
      );
      set(environment.usable ? 0 : EXIT.inconclusive);
    });
}

type Environment = Awaited<ReturnType<typeof import("../../session/environment.js").surveyEnvironment>>;

async function text(environment: Environment, color: boolean | null): Promise<string> {
  const { Chalk } = await import("chalk");
  const style = new Chalk({ level: terminalOf(process.stdout, color).color ? 1 : 0 });
  const { system } = environment;
  const lines = [
    `Linux ${system.kernel}, ${system.machine}, Node ${system.node}`,
    `ptrace: ${ptraceRules(system)}`,
    `JavaScript names in native stacks: ${system.javascriptNames ? "yes" : "no, this Node takes no --perf-basic-prof"}`,
    "",
  ];
  for (const instrument of environment.instruments) {
    lines.push(
      `${instrument.usable ? style.green("usable    ") : style.red("not usable")}  ${style.bold(instrument.name)}`,
    );
    for (const fact of instrument.needs) {
      lines.push(...factLines(fact));
    }
  }
  lines.push("", ...coreLines(environment), "", "also here, for what a report may tell you to do next:");
  for (const fact of environment.alsoHere) {
    lines.push(...factLines(fact));
  }
  return `${lines.join("\n")}\n`;
}

/** Where cores go, how to get at one, and what keeps it from being there. */
function coreLines({ cores, system }: Environment): string[] {
  const limit = cores.limit === null ? "unknown" : (cores.limit.soft ?? "unlimited");
  const [first, ...rest] = cores.fetch;
  return [
    `cores: ${escapeText(cores.where)} (core_pattern ${escapeText(JSON.stringify(system.corePattern))}, ulimit -c ${limit})`,
    ...cores.hindrances.flatMap(({ what, mend }) => [`  but  ${escapeText(what)}`, `       mend: ${escapeText(mend)}`]),
    ...(first === undefined ? [] : [`  get  ${escapeText(first)}`]),
    ...rest.map((command) => `       ${escapeText(command)}`),
  ];
}

/** What the kernel allows by rule; whether it works was tried. */
function ptraceRules({ yama, seccomp, capSysPtrace }: Environment["system"]): string {
  return [
    yama === null ? "no Yama" : `Yama's ptrace_scope is ${yama}`,
    seccomp ? "a seccomp filter is in force" : "no seccomp filter",
    capSysPtrace ? "CAP_SYS_PTRACE is held" : "CAP_SYS_PTRACE is not held",
  ].join(", ");
}

function factLines(fact: ToolFact): string[] {
  if (fact.usable) {
    const details = [fact.version, fact.path].filter((part) => part !== null).join(", ");
    return [`  ok   ${fact.name}${details === "" ? "" : `: ${escapeText(details)}`}`];
  }
  return [
    `  no   ${fact.name}: ${escapeText(fact.why ?? "unknown")}`,
    ...(fact.mend === null ? [] : [`       mend: ${fact.mend}`]),
  ];
}
