import { Command, CommanderError } from "commander";
import { UserError } from "../model/errors.js";
import { toolVersion } from "../session/places.js";
import { EXIT } from "./exit-code.js";
import { complain } from "./streams.js";

/** Verbs and where each is made; a module is loaded only when its verb is asked for. */
const VERBS: Record<string, { summary: string; load: () => Promise<(set: (status: number) => void) => Command> }> = {
  run: {
    summary: "run a command with the flight recorder in it: its libraries' heap, and signals, at little cost",
    load: async () => (await import("./commands/run.js")).runCommand,
  },
  "gdb-capture": {
    summary: "run a command and capture the first-hand site of a fatal signal with gdb",
    load: async () => (await import("./commands/gdb-capture.js")).gdbCaptureCommand,
  },
  core: {
    summary: "say of a core file what killed the process, and whether it shows the fault first-hand",
    load: async () => (await import("./commands/core.js")).coreCommand,
  },
  valgrind: {
    summary: "run a command under valgrind and say what it saw of the libraries in question",
    load: async () => (await import("./commands/valgrind.js")).valgrindCommand,
  },
  ci: {
    summary: "run what the configuration lists, and fail on what is new: the job for CI",
    load: async () => (await import("./commands/ci.js")).ciCommand,
  },
  asan: {
    summary: "run a command within a sanitizer's runtime, after your own build with its flags if you like",
    load: async () => (await import("./commands/asan.js")).asanCommand,
  },
  report: {
    summary: "show the report of an earlier run again",
    load: async () => (await import("./commands/report.js")).reportCommand,
  },
  env: {
    summary: "say what can be used here, what not and why, and the command that mends it",
    load: async () => (await import("./commands/env.js")).envCommand,
  },
  explain: {
    summary: "say what a finding code means and what usually causes it",
    load: async () => (await import("./commands/explain.js")).explainCommand,
  },
  store: {
    summary: "use the storage shim by itself: put, get, scan, bench",
    load: async () => {
      const { storeCommand } = await import("./commands/store.js");
      return () => storeCommand();
    },
  },
};

/** Runs what argv asks for and returns the exit status. Never throws. */
export async function main(argv: readonly string[]): Promise<number> {
  let status = 0;
  const set = (next: number): void => {
    status = next;
  };
  // A reader that went away (`| head`) is no error of ours, and nothing is left to be told to it.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") {
        throw error;
      }
    });
  }
  try {
    checkVerb(argv[2]);
    const program = await programFor(argv[2], set);
    await program.parseAsync(argv);
    return status !== 0 ? status : Number(process.exitCode ?? 0);
  } catch (error) {
    return error instanceof CommanderError ? commanderStatus(error) : complain(error);
  }
}

/** commander would say that there are too many arguments. */
function checkVerb(verb: string | undefined): void {
  if (verb !== undefined && !verb.startsWith("-") && verb !== "help" && VERBS[verb] === undefined) {
    throw new UserError(`there is no verb ${verb.slice(0, 80)}`, {
      hint: `one of ${Object.keys(VERBS).join(", ")}; a command is run by: ffi-doctor gdb-capture -- <command>`,
    });
  }
}

async function programFor(verb: string | undefined, set: (status: number) => void): Promise<Command> {
  const program = new Command("ffi-doctor")
    .description(
      "Says what went wrong where a host runtime meets a native library: what, where first, whose fault, what next.",
    )
    .version(toolVersion())
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .showHelpAfterError("(ffi-doctor --help lists the verbs; ffi-doctor <verb> --help their options)")
    .exitOverride();
  for (const [name, { summary, load }] of Object.entries(VERBS)) {
    if (name === verb) {
      program.addCommand(settled((await load())(set), program));
    } else {
      program.command(name).description(summary);
    }
  }
  program.addHelpText("after", "\nExample:\n  ffi-doctor gdb-capture -- node app.js");
  program.action(() => program.help({ error: verb !== undefined }));
  return program;
}

/** What is wrong in a verb of a verb is told in the same way, too. */
function settled(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const inner of command.commands) {
    settled(inner, command);
  }
  return command;
}

/** commander has told the user already what was wrong. */
function commanderStatus(error: CommanderError): number {
  return error.exitCode === 0 ? 0 : EXIT.usage;
}
