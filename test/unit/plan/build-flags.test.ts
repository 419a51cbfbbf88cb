import { describe, expect, it } from "vitest";
import { buildFlags } from "../../../src/plan/build-flags.js";

describe("the environment of --build", () => {
  it("has each tool's flags behind the user's own", () => {
    const env = buildFlags("address", "x64", { CFLAGS: "-O2", RUSTFLAGS: "-Copt-level=1" });
    expect(env["CFLAGS"]).toBe("-O2 -g -fno-omit-frame-pointer -fsanitize=address");
    expect(env["RUSTFLAGS"]).toBe("-Copt-level=1 -Zsanitizer=address -Cforce-frame-pointers=yes");
    expect(env["GOFLAGS"]).toBe("-asan");
    expect(env).toMatchObject({ RUSTC_BOOTSTRAP: "1", CARGO_BUILD_TARGET: "x86_64-unknown-linux-gnu" });
  });

  it("keeps the user's own target and options of the sanitizer", () => {
    const env = buildFlags("address", "x64", { CARGO_BUILD_TARGET: "mine", ASAN_OPTIONS: "x=1" });
    expect(env["CARGO_BUILD_TARGET"]).toBeUndefined();
    expect(env["ASAN_OPTIONS"]).toBeUndefined();
  });

  it("leaves Rust and Go alone where they have no such sanitizer", () => {
    const env = buildFlags("undefined", "x64", {});
    expect(env["CFLAGS"]).toContain("-fsanitize=undefined");
    expect([env["RUSTFLAGS"], env["GOFLAGS"], env["RUSTC_BOOTSTRAP"]]).toEqual([undefined, undefined, undefined]);
  });
});
