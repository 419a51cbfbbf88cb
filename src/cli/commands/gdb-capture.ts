import { Command, Option } from "commander";
import { UserError } from "../../model/errors.js";
import type { Options, Twin } from "../../model/options.js";
import { twins } from "../../model/vocabulary.js";
import { parsePid } from "../arguments.js";
import { twinOf } from "../demo.js";
import { EXIT_STATUS_HELP, type ObservingFlags, observe, observing, optionsOf } from "../observing.js";

const DEFAULT_TWIN: Twin = "stale-handle";

interface Flags extends ObservingFlags {
  attach?: number;
  demo?: string | true;
  untilCrash: boolean;
}

/** `gdb-capture [options] [--] <command> [args...]`. */
export function gdbCaptureCommand(set: (status: number) => void): Command {
  const command = new Command("gdb-capture")
    .description("Run a command and capture the first-hand site of a fatal signal with gdb.")
    .usage("[options] [--] <command> [args...]")
    .argument("[command...]", "the command, put after -- so that its options stay its own")
    .addOption(new Option("--attach <pid>", "watch a process that runs already").argParser(parsePid))
    .option("--demo [twin]", `run the storage shim's own workload: ${twins.join(", ")}`)
    .option("--until-crash", "run it again and again until it crashes; with --repeat at most so often", false);
  return observing(command)
    .addHelpText(
      "after",
      `\nExamples:\n  ffi-doctor gdb-capture -- node app.js\n  ffi-doctor gdb-capture --until-crash --timeout 600 -- ./server --port 8080\n  ffi-doctor gdb-capture --demo\n${EXIT_STATUS_HELP}`,
    )
    .action(async (words: string[], flags: Flags) => set(await observe(asked(words, flags))));
}

function asked(command: string[], flags: Flags): Options {
  const sources = [command.length > 0, flags.attach !== undefined, flags.demo !== undefined].filter(Boolean).length;
  if (sources === 0) {
    throw new UserError("there is nothing to run", {
      hint: "put a command after --, as in: ffi-doctor gdb-capture -- node app.js; or try --demo, or --attach <pid>",
    });
  }
  if (sources > 1) {
    throw new UserError("a command, --attach and --demo exclude each other", { hint: "give one of them" });
  }
  return optionsOf(flags, {
    verb: "gdb-capture",
    command,
    demo: flags.demo === undefined ? null : twinOf(flags.demo, DEFAULT_TWIN),
    attach: flags.attach ?? null,
    untilCrash: flags.untilCrash,
  });
}
