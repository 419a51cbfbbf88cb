import { Command, Option } from "commander";
import { UserError } from "../../model/errors.js";
import type { Options } from "../../model/options.js";
import { originPasses, scopes } from "../../model/vocabulary.js";
import { EXIT_STATUS_HELP, type ObservingFlags, observe, observing, optionsOf } from "../observing.js";

interface Flags extends ObservingFlags {
  scope: Options["scope"];
  origins: Options["origins"];
}

/** `valgrind [options] [--] <command> [args...]`. */
export function valgrindCommand(set: (status: number) => void): Command {
  const command = new Command("valgrind")
    .description("Run a command under valgrind, and say what it saw of the libraries in question.")
    .usage("[options] [--] <command> [args...]")
    .argument("[command...]", "the command, put after -- so that its options stay its own")
    .addOption(
      new Option("--scope <which>", "errors in which the libraries in question have a part, or all")
        .choices(scopes)
        .default("library"),
    )
    .addOption(
      new Option(
        "--origins <when>",
        "where values that nobody wrote came from: by one more run when such are left, in the first run, or never",
      )
        .choices(originPasses)
        .default("auto"),
    );
  return observing(command)
    .addHelpText(
      "after",
      `\nLeaks are looked for where --lib names the library.\n\nExamples:\n  ffi-doctor valgrind -- node app.js\n  ffi-doctor valgrind --lib libstore.so -- python3 -m pytest tests/native\n${EXIT_STATUS_HELP}`,
    )
    .action(async (words: string[], flags: Flags) => set(await observe(asked(words, flags))));
}

function asked(command: string[], flags: Flags): Options {
  if (command.length === 0) {
    throw new UserError("there is nothing to run", {
      hint: "put a command after --, as in: ffi-doctor valgrind -- node app.js",
    });
  }
  return optionsOf(flags, { verb: "valgrind", command, scope: flags.scope, origins: flags.origins });
}
