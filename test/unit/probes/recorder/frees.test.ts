import { describe, expect, it } from "vitest";
import { MadeBox } from "../blackbox/made-box.js";
import { decode, ended, LIBRARY, LIBRARY_AT, PROGRAM, PROGRAM_AT, symbols } from "./step.js";

const [MADE, FREED] = [LIBRARY_AT + 0x100, PROGRAM_AT + 0x100];

function boxOf(): MadeBox {
  return new MadeBox()
    .process(PROGRAM, ["app"])
    .module(1, PROGRAM, PROGRAM_AT, { flags: 1 })
    .module(2, LIBRARY, LIBRARY_AT, { flags: 2 })
    .stack(1, [MADE, FREED + 0x100])
    .stack(2, [FREED, FREED + 0x100])
    .freedBy({ address: 0x1000, size: 8, state: 2, allocStack: 1, freeStack: 2, allocFamily: 1, freeFamily: 1 });
}

/** The codes of what a block was allocated and freed by: functions at the places, and what their calls call. */
function mistakes(made: string, freed: string, calls: { made?: string; freed?: string } = {}): string[] {
  const named = symbols({ [MADE - 1]: made, [FREED - 1]: freed, [FREED + 0xff]: "main" });
  const [library, program] = named.modules;
  if (library !== undefined && program !== undefined) {
    library.calls = callAt(MADE - LIBRARY_AT, calls.made);
    program.calls = callAt(FREED - PROGRAM_AT, calls.freed);
  }
  const { checkerErrors } = decode({ "box.100.0": boxOf() }, ended(0), { symbols: named });
  return checkerErrors.map(
    ({ mistake, block, stacks }) =>
      `${mistake}: ${block?.allocatedBy}, ${block?.freedBy}: ${stacks.map(({ role }) => role).join(" ")}`,
  );
}

/** Null for the path of what is an allocator's own, or in no file that was mapped. */
function callAt(address: number, name: string | undefined) {
  return name === undefined ? {} : { [`0x${address.toString(16)}`]: { function: name, path: null, jump: null } };
}

describe("a block of one allocator that another takes back", () => {
  it("is told where Rust's is at one end and libc's at the other", () => {
    expect(mistakes("__rdl_alloc", "give_back", { freed: "free" })).toEqual([
      "mismatched-free: Rust's allocator, free: fault alloc",
    ]);
    expect(mistakes("alloc::alloc::alloc < store_put", "give_back", { freed: "free" })).toHaveLength(1);
    expect(mistakes("dup", "alloc::alloc::dealloc < drop", { made: "strdup" })).toEqual([
      "mismatched-free: malloc, Rust's allocator: fault alloc",
    ]);
  });

  it("is none in optimised Rust without lines: its allocator may lie within the function", () => {
    const named = symbols({ [MADE - 1]: "__rdl_alloc", [FREED - 1]: "app::Job::finish", [FREED + 0xff]: "main" });
    const program = named.modules[1];
    if (program !== undefined) {
      program.calls = callAt(FREED - PROGRAM_AT, "free");
    }
    const nameOf = (name: string): void => {
      for (const frame of Object.values(program?.places ?? {}).flat()) {
        Object.assign(frame, { function: name, line: null });
      }
    };
    const errors = () => decode({ "box.100.0": boxOf() }, ended(0), { symbols: named }).checkerErrors;
    expect(errors()).toHaveLength(1);
    nameOf("app::Job::finish");
    expect(errors()).toEqual([]);
    nameOf("job_free");
    expect(errors()).toHaveLength(1);
    Object.assign(program ?? {}, { rust: true });
    expect(errors()).toEqual([]);
  });

  it("is none where both ends are of one", () => {
    expect(mistakes("__rdl_alloc", "__rdl_dealloc")).toEqual([]);
    expect(mistakes("make", "give_back", { made: "malloc", freed: "free" })).toEqual([]);
  });

  it("is none where a call of another function is at an end: it may have jumped to the allocator", () => {
    expect(mistakes("__rdl_alloc", "main", { freed: "store_free" })).toEqual([]);
    expect(mistakes("__rdl_alloc", "ffi_call_unix64")).toEqual([]);
    expect(mistakes("main", "__rdl_dealloc", { made: "store_alloc" })).toEqual([]);
    expect(mistakes("__rdl_alloc", "main", { freed: "__rust_dealloc" })).toEqual([]);
  });

  it("is none where a function left by a jump: it may have another, which it took", () => {
    const left = (jumped: string, names: string): ReturnType<typeof symbols> => {
      const named = symbols({
        [MADE - 1]: "__rdl_alloc",
        [FREED - 1]: "main",
        [FREED + 0xff]: "main",
        [LIBRARY_AT + 0x500]: names,
      });
      const [library, program] = named.modules;
      if (library !== undefined && program !== undefined) {
        program.calls = {
          [`0x${(FREED - PROGRAM_AT).toString(16)}`]: { function: "store_free", path: LIBRARY, jump: "0x500" },
        };
        library.jumps = { "0x500": jumped };
      }
      return named;
    };
    const told = (named: ReturnType<typeof symbols>) =>
      decode({ "box.100.0": boxOf() }, ended(0), { symbols: named }).checkerErrors.map(({ stacks }) =>
        stacks[0]?.frames.map(({ function: name }) => name),
      );
    expect(told(left("free", "store_free"))).toEqual([]);
    expect(told(left("free", "alloc::alloc::dealloc < store_free"))).toEqual([]);
    expect(told(left("__rust_dealloc", "store_free"))).toEqual([]);
  });
});
