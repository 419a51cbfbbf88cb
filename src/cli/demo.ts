import { UserError } from "../model/errors.js";
import type { Twin } from "../model/options.js";
import { twins } from "../model/vocabulary.js";

/** The twin that `--demo` names; `usual` where it names none. Throws UserError for one that there is not. */
export function twinOf(asked: string | true, usual: Twin): Twin {
  const twin = asked === true ? usual : twins.find((candidate) => candidate === asked);
  if (twin === undefined) {
    throw new UserError(`there is no twin ${String(asked)}`, {
      hint: `--demo takes one of ${twins.join(", ")}; a command of your own goes after -- without --demo`,
    });
  }
  return twin;
}
