import { UserError } from "../../model/errors.js";
import type { Verb } from "../../model/primitives.js";
import type { Instrument } from "./instrument.js";

/** The instrument of each verb, loaded only when it is asked for. */
const instruments: Partial<Record<Verb, () => Promise<Instrument>>> = {
  run: async () => (await import("./recorder.js")).prepareRecorder,
  core: async () => (await import("./core.js")).prepareCore,
  "gdb-capture": async () => (await import("./gdb.js")).prepareGdb,
  valgrind: async () => (await import("./valgrind.js")).prepareValgrind,
  asan: async () => (await import("./asan.js")).prepareAsan,
};

export async function instrumentOf(verb: Verb): Promise<Instrument> {
  const load = instruments[verb];
  if (load === undefined) {
    throw new UserError(`${verb} observes nothing by itself`);
  }
  return await load();
}
