import { statSync } from "node:fs";
import { Command, Option } from "commander";
import { UserError } from "../../model/errors.js";
import type { Options } from "../../model/options.js";
import type { Severity } from "../../model/primitives.js";
import { formats } from "../../model/vocabulary.js";
import { collect, parseFormat, parseSeconds, parseSeverity } from "../arguments.js";
import { observe, optionsOf } from "../observing.js";

interface Flags {
  lib: string[];
  out?: string;
  format: Options["formats"];
  failOn: Severity;
  timeout?: number;
  dryRun: boolean;
  color: boolean;
  quiet: boolean;
  verbose: boolean;
  showMemory: boolean;
}

/** `core [options] <core> [executable]`: no process is started, so that the options are fewer than those of other verbs. */
export function coreCommand(set: (status: number) => void): Command {
  return new Command("core")
    .description("Say of a core file what killed the process, and whether it shows the fault first-hand.")
    .argument("<core>", "the core file, unpacked")
    .argument("[executable]", "the program that left it, where it is not found by itself")
    .addOption(
      new Option(
        "--lib <library>",
        "the native library in question: file name, soname, quoted glob on its path, or exe (repeatable)",
      )
        .argParser(collect)
        .default([], "whatever is not the system's"),
    )
    .option("--out <dir>", "run directory (default: .ffi-doctor/<time>-core)")
    .addOption(
      new Option("--format <format>", `${formats.join(", ")}; each also with =<file> (repeatable)`)
        .argParser(parseFormat)
        .default([], "terminal"),
    )
    .addOption(new Option("--fail-on <severity>", "status 1 from here on").argParser(parseSeverity).default("error"))
    .addOption(new Option("--timeout <seconds>", "give up after this time").argParser(parseSeconds).default(180))
    .option("--dry-run", "show how it would be looked at, and do not", false)
    .option("--no-color", "no colour, also on a terminal")
    .option("-q, --quiet", "no terminal report", false)
    .option("-v, --verbose", "registers, memory, maps, all threads and goroutines too", false)
    .option("--show-memory", "keep memory bytes and what looks secret in reports", false)
    .addHelpText(
      "after",
      "\nExamples:\n  ffi-doctor core core\n  ffi-doctor core /var/crash/core.4711 ./server\n  coredumpctl dump -o core 4711; ffi-doctor core core\n\nExit status: 1 findings, 2 usage, 3 the core cannot be read or shows no crash, else 0.",
    )
    .action(async (file: string, executable: string | undefined, flags: Flags) =>
      set(await observe(asked(file, executable, flags))),
    );
}

function asked(file: string, executable: string | undefined, flags: Flags): Options {
  const named: [string, string][] = [
    [file, "core"],
    ...(executable === undefined ? [] : [[executable, "program"] as [string, string]]),
  ];
  for (const [path, what] of named) {
    const facts = statSync(path, { throwIfNoEntry: false });
    if (facts === undefined) {
      throw new UserError(`there is no file ${path}`, {
        hint: `check the path of the ${what}; ffi-doctor env says where cores go here`,
      });
    }
    if (!facts.isFile()) {
      throw new UserError(`${path} is not a file`, { hint: "name the core first, then the program that left it" });
    }
  }
  const flagged = { ...flags, with: [], repeat: 1, exitCode: "doctor" as const };
  return optionsOf(flagged, { verb: "core", command: [], core: { file, executable: executable ?? null } });
}
