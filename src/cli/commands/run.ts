import { Command, Option } from "commander";
import { UserError } from "../../model/errors.js";
import type { Options, Twin } from "../../model/options.js";
import { guardSides, heapModes, stackModes, twins } from "../../model/vocabulary.js";
import { parseMebibytes, parsePoison } from "../arguments.js";
import { twinOf } from "../demo.js";
import { EXIT_STATUS_HELP, type ObservingFlags, observe, observing, optionsOf } from "../observing.js";

const DEFAULT_TWIN: Twin = "bytes-use-after-free";

interface Flags extends ObservingFlags {
  heap: Options["heap"]["mode"];
  guardSide: Options["heap"]["guardSide"];
  poison: Pick<Options["heap"], "allocFill" | "freeFill">;
  quarantine: number;
  stacks: Options["heap"]["stacks"];
  demo?: string | true;
}

/** `run [options] [--] <command> [args...]`. */
export function runCommand(set: (status: number) => void): Command {
  const command = new Command("run")
    .description("Run a command with the flight recorder in it: the heap of the libraries in question, and signals.")
    .usage("[options] [--] <command> [args...]")
    .argument("[command...]", "the command, put after -- so that its options stay its own")
    .addOption(
      new Option("--heap <how>", "watch the heap by fill patterns, by pages that cannot be accessed, or not at all")
        .choices(heapModes)
        .default("poison"),
    )
    .addOption(
      new Option("--guard-side <side>", "with --heap guard: on which side of a block the closed page lies")
        .choices(guardSides)
        .default("after"),
    )
    .addOption(
      new Option("--poison <alloc>,<free>", "what memory is filled with when allocated and when freed, in hex")
        .argParser(parsePoison)
        .default({ allocFill: 0xa5, freeFill: 0x5a }, "a5,5a"),
    )
    .addOption(
      new Option("--quarantine <MiB>", "so much freed memory is kept aside").argParser(parseMebibytes).default(4),
    )
    .addOption(
      new Option("--stacks <which>", "stacks of allocations and frees: none, the caller alone, or up to the call")
        .choices(stackModes)
        .default("full"),
    )
    .addOption(new Option("--demo [twin]", `run the storage shim's own workload: ${twins.join(", ")}`));
  return observing(command)
    .addHelpText(
      "after",
      `\nExamples:\n  ffi-doctor run -- node app.js\n  ffi-doctor run --heap guard --lib libstore.so -- python3 app.py\n  ffi-doctor run --demo\n${EXIT_STATUS_HELP}`,
    )
    .action(async (words: string[], flags: Flags) => set(await observe(asked(words, flags))));
}

function asked(command: string[], flags: Flags): Options {
  if (flags.demo === undefined && command.length === 0) {
    throw new UserError("there is nothing to run", {
      hint: "put a command after --, as in: ffi-doctor run -- node app.js; or ffi-doctor run --demo",
    });
  }
  if (flags.demo !== undefined && command.length > 0) {
    throw new UserError("a command and --demo exclude each other", { hint: "give one of them" });
  }
  const { heap: mode, guardSide, poison, quarantine, stacks } = flags;
  return optionsOf(flags, {
    verb: "run",
    command,
    demo: flags.demo === undefined ? null : twinOf(flags.demo, DEFAULT_TWIN),
    heap: { mode, guardSide, ...poison, quarantine, stacks },
  });
}
