import type { RunManifest, StepRecord } from "../model/manifest.js";
import type { StepProbe } from "../model/primitives.js";
import type { DecodedStep, Decoder } from "../model/recording.js";
import { decodeAsan } from "../probes/asan/decode.js";
import { decodeCore } from "../probes/core/decode.js";
import { decodeGdb } from "../probes/gdb/decode.js";
import { decodeRecorder } from "../probes/recorder/decode.js";
import { decodeValgrind } from "../probes/valgrind/decode.js";
import type { RunDirectory } from "../rundir/run-directory.js";

/** How the recording of each probe is read. */
const decoders: Record<StepProbe, Decoder> = {
  gdb: decodeGdb,
  core: decodeCore,
  valgrind: decodeValgrind,
  asan: decodeAsan,
  recorder: decodeRecorder,
};

/** What one step of a run recorded. Never throws for what is in the recording. */
export function decodeStep(directory: RunDirectory, step: StepRecord, manifest: RunManifest): DecodedStep {
  const attached = manifest.plan.steps[0]?.attach !== null;
  const runtime = manifest.target?.host.runtime ?? "unknown";
  return decoders[step.probe](directory.recording(step.id), { ...step, attached, runtime }, manifest.options);
}
