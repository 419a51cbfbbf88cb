import type { Sanitizer } from "../model/primitives.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** What one variable gets, behind what the user has in it. */
interface Flags {
  CFLAGS?: string;
  CXXFLAGS?: string;
  LDFLAGS?: string;
  RUSTFLAGS?: string;
  GOFLAGS?: string;
}

const C = "-g -fno-omit-frame-pointer";

const FLAGS: Record<Sanitizer, Flags> = {
  address: {
    CFLAGS: `${C} -fsanitize=address`,
    CXXFLAGS: `${C} -fsanitize=address`,
    LDFLAGS: "-fsanitize=address",
    RUSTFLAGS: "-Zsanitizer=address -Cforce-frame-pointers=yes",
    GOFLAGS: "-asan",
  },
  // Rust has no such sanitizer, and Go neither.
  undefined: {
    CFLAGS: `${C} -fsanitize=undefined`,
    CXXFLAGS: `${C} -fsanitize=undefined`,
    LDFLAGS: "-fsanitize=undefined",
  },
  // Rust's standard library would have to be built again for it (-Zbuild-std), Go has -race with a runtime of its own.
  thread: { CFLAGS: `${C} -fsanitize=thread`, CXXFLAGS: `${C} -fsanitize=thread`, LDFLAGS: "-fsanitize=thread" },
  // Nothing is compiled in: the runtime takes the place of malloc.
  leak: { CFLAGS: C, CXXFLAGS: C },
};

const TRIPLES: Partial<Record<NodeJS.Architecture, string>> = {
  x64: "x86_64-unknown-linux-gnu",
  arm64: "aarch64-unknown-linux-gnu",
};

/**
 * The environment of the user's build: cc, make, cmake and configure take the flags from CFLAGS and its kin, cargo from RUSTFLAGS
 * (with the switch that lets the stable compiler take them, and a target, so that build scripts and macros stay as they are), go from
 * GOFLAGS.
 */
export function buildFlags(
  sanitizer: Sanitizer,
  machine: NodeJS.Architecture,
  before: Environment,
): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, flags] of Object.entries(FLAGS[sanitizer])) {
    out[name] = [before[name], flags].filter(Boolean).join(" ");
  }
  const triple = TRIPLES[machine];
  if (out["RUSTFLAGS"] !== undefined) {
    out["RUSTC_BOOTSTRAP"] = "1";
    if (triple !== undefined && before["CARGO_BUILD_TARGET"] === undefined) {
      out["CARGO_BUILD_TARGET"] = triple;
    }
  }
  // A program that the build itself makes and runs (configure's tests) is not to fail for its leaks.
  if (before["ASAN_OPTIONS"] === undefined) {
    out["ASAN_OPTIONS"] = "detect_leaks=0";
  }
  return out;
}
