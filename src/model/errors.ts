/**
 * An error that is the user's to mend: bad arguments, a missing file, a damaged run directory.
 * Shown as one sentence with the way out, never with a stack trace. Anything else that is thrown is a bug of ours.
 */
export class UserError extends Error {
  /** 2: usage or configuration. 3: the question could not be answered here. */
  readonly exitCode: 2 | 3;
  /** What to type or do instead. */
  readonly hint: string | null;
  /** Lines that stand below it: several mistakes, or an example. */
  readonly details: readonly string[];

  constructor(
    message: string,
    options: { exitCode?: 2 | 3; hint?: string | null; details?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "UserError";
    this.exitCode = options.exitCode ?? 2;
    this.hint = options.hint ?? null;
    this.details = options.details ?? [];
  }
}
