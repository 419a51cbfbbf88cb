import { Command, Option } from "commander";
import { UserError } from "../../model/errors.js";
import type { Options } from "../../model/options.js";
import { sanitizers, scopes } from "../../model/vocabulary.js";
import { EXIT_STATUS_HELP, type ObservingFlags, observe, observing, optionsOf } from "../observing.js";

interface Flags extends ObservingFlags {
  sanitizer: Options["sanitizer"];
  build?: string;
  scope: Options["scope"];
}

/** `asan [options] [--] <command> [args...]`. */
export function asanCommand(set: (status: number) => void): Command {
  const command = new Command("asan")
    .description("Run a command within a sanitizer's runtime: AddressSanitizer, or another one.")
    .usage("[options] [--] <command> [args...]")
    .argument("[command...]", "the command, put after -- so that its options stay its own")
    .addOption(new Option("--sanitizer <which>", "which of them").choices(sanitizers).default("address"))
    .option("--build <command>", "run this build first, by a shell, with the sanitizer's flags in its environment")
    .addOption(
      new Option("--scope <what>", "show errors with a part of the library in question, or all")
        .choices(scopes)
        .default("library"),
    );
  return observing(command)
    .addHelpText(
      "after",
      `\nExamples:\n  ffi-doctor asan -- node app.js\n  ffi-doctor asan --lib libstore.so --build "make clean all" -- python3 app.py\n  ffi-doctor asan --sanitizer undefined --build "cargo build" -- ./server\n${EXIT_STATUS_HELP}`,
    )
    .action(async (words: string[], flags: Flags) => set(await observe(asked(words, flags))));
}

function asked(command: string[], flags: Flags): Options {
  if (command.length === 0) {
    throw new UserError("there is nothing to run", {
      hint: "put a command after --, as in: ffi-doctor asan -- node app.js",
    });
  }
  if (flags.build?.trim() === "") {
    throw new UserError("--build is empty", { hint: 'give the command that builds the library: --build "make"' });
  }
  return optionsOf(flags, {
    verb: "asan",
    command,
    sanitizer: flags.sanitizer,
    build: flags.build ?? null,
    scope: flags.scope,
  });
}
