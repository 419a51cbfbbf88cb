import { z } from "zod";
import { FindingCode } from "./finding-code.js";
import { Format } from "./options.js";
import { Sanitizer, Severity } from "./primitives.js";
import { checkers, instruments } from "./vocabulary.js";

/** Seconds that a command of `ci` may take: a job that hangs ends with a report instead of being killed from outside. */
const DEFAULT_TIMEOUT = 600;
const LAST_STATUS = 255;

const Name = z
  .string()
  // The report lies beside the folders of the runs.
  .regex(/^(?!report\.json$)[A-Za-z0-9][\w.-]*$/)
  .max(80)
  .describe("Names the run, and its folder: letters, digits, dot, dash and underscore.");

const Timeout = z.number().positive().max(2_000_000).nullable();

export const ConfigRun = z.strictObject({
  name: Name,
  command: z
    .array(z.string())
    .min(1)
    .refine((words) => words[0] !== "", { message: "the first word of the command is empty", path: [0] })
    .describe('The command, word by word. A line for a shell is ["sh", "-c", "..."].'),
  instruments: z.array(z.enum(instruments)).min(1).describe("It is run once under each of them."),
  lib: z.array(z.string().min(1)).optional().describe("In place of the lib of the whole."),
  env: z
    .record(z.string().regex(/^[^=\0]+$/), z.string().nullable())
    .default({})
    .describe("Added to the environment; null unsets."),
  cwd: z.string().min(1).optional().describe("Working directory, seen from the configuration's folder."),
  timeout: Timeout.optional().describe("Seconds, in place of the timeout of the whole; null for no limit."),
  sanitizer: Sanitizer.optional().describe("Which sanitizer asan uses; address unless named."),
  with: z.array(z.enum(checkers)).default([]).describe("The host's own checkers to turn on."),
  expectStatus: z
    .int()
    .min(0)
    .max(LAST_STATUS)
    .default(0)
    .describe("The status with which it ends when all is well; 128 + n for signal n."),
});
export type ConfigRun = z.infer<typeof ConfigRun>;

export const Suppression = z
  .strictObject({
    fingerprint: z.string().min(1).optional().describe("As in report.json."),
    code: FindingCode.optional(),
    function: z.string().min(1).optional().describe("Of a native frame where it happened; * stands for anything."),
    module: z.string().min(1).optional().describe("File name of the library of such a frame; * stands for anything."),
    reason: z.string().regex(/\S/).describe("Why it is accepted."),
    expires: z.iso
      .date()
      .nullable()
      .describe("The last day on which it applies (UTC), such as 2026-12-31; null for never."),
  })
  .refine(
    ({ fingerprint, code, function: name, module }) =>
      [fingerprint, code, name, module].some((key) => key !== undefined),
    { message: "says nothing about which findings it is for" },
  );
export type Suppression = z.infer<typeof Suppression>;

export const ConfigOutput = z.strictObject({ format: Format, file: z.string().min(1) });

/** ffi-doctor.config.json, or the `ffi-doctor` key of package.json. Paths are seen from the folder it lies in. */
export const Config = z.strictObject({
  $schema: z.string().optional(),
  lib: z.array(z.string().min(1)).default([]).describe("The native libraries in question."),
  failOn: Severity.default("error").describe("The severity from which on a new finding fails the job."),
  out: z.string().min(1).optional().describe("Where the runs rest; it must be empty or absent."),
  timeout: Timeout.default(DEFAULT_TIMEOUT).describe("Seconds for each run; null for no limit."),
  runs: z
    .array(ConfigRun)
    .min(1)
    .superRefine((runs, context) => {
      for (const [i, { name, instruments: own, sanitizer }] of runs.entries()) {
        const first = runs.findIndex((run) => run.name === name);
        if (first < i) {
          context.addIssue({
            code: "custom",
            path: [i, "name"],
            message: `${name} is the name of runs[${first}] already`,
            params: { hint: "each run needs a name of its own" },
          });
        }
        if (sanitizer !== undefined && !own.includes("asan")) {
          context.addIssue({
            code: "custom",
            path: [i, "sanitizer"],
            message: "only asan uses it, which is not among the instruments of this run",
            params: { hint: "add asan to its instruments, or leave sanitizer out" },
          });
        }
        const twice = own.findIndex((instrument, at) => own.indexOf(instrument) < at);
        if (twice >= 0) {
          context.addIssue({
            code: "custom",
            path: [i, "instruments", twice],
            message: `${own[twice]} is there twice`,
            params: { hint: "remove one of the two" },
          });
        }
      }
    })
    .describe("What is run, in this order."),
  suppressions: z.array(Suppression).default([]).describe("Findings that are accepted, and why."),
  baseline: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("An earlier report: only what is not in it fails the job."),
  outputs: z.array(ConfigOutput).default([]).describe("Reports to be written besides <out>/report.json."),
});
export type Config = z.infer<typeof Config>;
