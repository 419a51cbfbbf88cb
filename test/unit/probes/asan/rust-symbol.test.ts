import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { demangleRust } from "../../../../src/probes/asan/rust-symbol.js";

// The first ones are examples of the RFC (2603); the others come from real stacks.
describe("names of Rust's v0 mangling", () => {
  it.each([
    ["_RNvC6_123foo3bar", "123foo::bar"],
    ["_RNCNvC7mycrate4main0", "mycrate::main::{closure#0}"],
    ["_RNvMs_C7mycrateNtB4_3Foo3new", "<mycrate::Foo>::new"],
    ["_RINvC7mycrate3fooTNtB2_3BarEE", "mycrate::foo<(mycrate::Bar,)>"],
    ["_RNvXC7mycrateNtB2_3FooNtNtCs5_4core5clone5Clone5clone", "<mycrate::Foo as core::clone::Clone>::clone"],
    ["_RINvC7mycrate3fooKj40_E", "mycrate::foo<64>"],
    ["_RINvC7mycrate3fooKb1_Kin7_E", "mycrate::foo<true, -7>"],
    ["_RINvC7mycrate3fooFUKCRheEuE", 'mycrate::foo<unsafe extern "C" fn(&u8, str)>'],
    ["_RINvC7mycrate3fooDNtB2_3BarEL_E", "mycrate::foo<dyn mycrate::Bar>"],
    ["_RINvC7mycrate3fooAhj4_SmE", "mycrate::foo<[u8; 4], [u32]>"],
    ["_RNvNtNtCs8adovq8g1L5_16ffi_doctor_store3ffi5stale10read_block", "ffi_doctor_store::ffi::stale::read_block"],
    [
      "_RNCNvNtNtCs8adovq8g1L5_16ffi_doctor_store3ffi4data7fds_get0B7_",
      "ffi_doctor_store::ffi::data::fds_get::{closure#0}",
    ],
    [
      "_RINvNtCs8adovq8g1L5_16ffi_doctor_store3ffi5guardNCNvNtB2_4data7fds_get0EB4_",
      "ffi_doctor_store::ffi::guard<ffi_doctor_store::ffi::data::fds_get::{closure#0}>",
    ],
    [
      "_RNvXs_NtCslNYArtu3iFV_5alloc5allocNtB4_6GlobalNtNtCsgEmfK2I1SDS_4core5alloc9Allocator8allocate",
      "<alloc::alloc::Global as core::alloc::Allocator>::allocate",
    ],
  ])("%s", (mangled, name) => {
    expect(demangleRust(mangled)).toBe(name);
  });

  it.each([
    "main",
    "_ZN4core3ptr13read_volatile17h0123456789abcdefE",
    "_R",
    "_RNv",
    "_RNvC99foo3bar",
    "_RB_",
    "_RNvB0_3foo",
    `_R${"I".repeat(100_000)}`,
  ])("%s is none", (text) => {
    expect(demangleRust(text)).toBeNull();
  });

  it("never throws, and ends soon, whatever follows", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(..."NvCMXYIBTLKsu_0123456789AEFDRQPOhjz"), maxLength: 300 }),
        (text) => {
          demangleRust(`_R${text}`);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
