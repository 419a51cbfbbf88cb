import { existsSync } from "node:fs";
import { basename } from "node:path";
import type { Obstacle } from "../../model/evidence.js";
import type { Options } from "../../model/options.js";
import type { Sanitizer } from "../../model/primitives.js";
import type { Target } from "../../model/target.js";
import { findLibrary, packageOf, type SanitizerRuntime, type Wanted, wantedBy } from "../../survey/sanitizers.js";

export interface Chosen {
  runtime: SanitizerRuntime | null;
  /** The program brings its own. */
  own: boolean;
  /** A runtime that is wanted by its name, and who wants it, where it is not here or of another sanitizer. */
  missing: { soname: string; by: string } | null;
  why: string;
}

/** The runtime that goes before all others: what the program or a library names, else the likeliest that is here. */
export function chooseRuntime(
  options: Options,
  target: Target,
  runtimes: readonly SanitizerRuntime[],
  environment: NodeJS.ProcessEnv,
): Chosen {
  const program = wantedBy(target.interpreter ?? target.executable);
  if (program?.ownRuntime === true) {
    return { runtime: null, own: true, missing: null, why: "the program has the sanitizer's runtime built in" };
  }
  const asking = [{ name: "the program", wanted: program }, ...librariesAsking(options.libs, environment)];
  for (const { name, wanted } of asking) {
    const soname = wanted?.soname ?? null;
    if (soname !== null) {
      const runtime = runtimes.find(({ file }) => basename(file) === soname) ?? null;
      const missing = runtime === null ? { soname, by: name } : null;
      return { runtime, own: false, missing, why: `${name} needs ${soname}, which is preloaded` };
    }
  }
  const runtime = runtimes[0] ?? null;
  const checked = asking.find(({ wanted }) => wanted?.checks.includes(options.sanitizer) === true);
  return {
    runtime,
    own: false,
    missing: null,
    why:
      checked === undefined
        ? `${runtime?.file ?? "no runtime"} is preloaded; which libraries have a sanitizer's checks in them shows when they are loaded`
        : `${checked.name} has the sanitizer's checks and names no runtime: ${runtime?.file ?? "none"} is preloaded`,
  };
}

/** The libraries that the command line names and that can be looked at before the start. */
function librariesAsking(libs: readonly string[], environment: NodeJS.ProcessEnv): { name: string; wanted: Wanted }[] {
  return libs.flatMap((lib) => {
    const path = findLibrary(lib, environment);
    const wanted = path === null ? null : wantedBy(path);
    return path === null || wanted === null ? [] : [{ name: basename(path), wanted }];
  });
}

const KINDS: readonly (readonly [RegExp, Sanitizer])[] = [
  [/asan/, "address"],
  [/tsan/, "thread"],
  [/lsan/, "leak"],
];

/** What keeps a target from being run within the runtime; empty when nothing does. */
export function inTheWay(options: Options, target: Target, chosen: Chosen, companion: string): Obstacle[] {
  const what = "the sanitizer cannot be used here; the target was not run";
  const because = (why: string, mend: string): Obstacle[] => [{ what, why, mend }];
  if (chosen.missing !== null) {
    return [{ what, ...notThere(options.sanitizer, chosen.missing) }];
  }
  if (chosen.runtime === null && !chosen.own) {
    return because(
      `no runtime of the ${options.sanitizer} sanitizer is here, neither gcc's nor clang's`,
      `apt-get install -y ${packageOf(options.sanitizer)}`,
    );
  }
  if (!existsSync(companion)) {
    return because("native/build/ffi_doctor_companion.so is not built", "npm run setup");
  }
  if (/[\s:]/.test(companion) || /[\s:]/.test(chosen.runtime?.file ?? "")) {
    return because("LD_PRELOAD takes no path with a space or a colon in it", "install ffi-doctor in another folder");
  }
  if (target.staticallyLinked) {
    return because(
      "the program is statically linked: no runtime can be loaded into it",
      "link it dynamically, or build the program itself with the sanitizer (go build -asan, cc -fsanitize=address); gdb-capture takes it as it is",
    );
  }
  return target.setuid
    ? because("the kernel ignores LD_PRELOAD for a set-user-id program", "run a copy of it without that bit")
    : [];
}

function notThere(sanitizer: Sanitizer, missing: { soname: string; by: string }): { why: string; mend: string } {
  const other = KINDS.find(([pattern]) => pattern.test(missing.soname))?.[1];
  if (other !== undefined && other !== sanitizer) {
    return {
      why: `${missing.by} was built for the ${other} sanitizer: it needs ${missing.soname}`,
      mend:
        other === "address" && sanitizer === "leak"
          ? "leave --sanitizer out: AddressSanitizer looks for leaks too, where --lib names the library"
          : `ffi-doctor asan --sanitizer ${other} -- ...`,
    };
  }
  const version = /^lib([a-z]+)\.so\.(\d+)$/.exec(missing.soname);
  return {
    why: `${missing.soname}, the runtime that ${missing.by} was linked to, is not here`,
    mend: `apt-get install -y ${version === null ? "libclang-rt-dev" : `lib${version[1]}${version[2]}`}`,
  };
}
