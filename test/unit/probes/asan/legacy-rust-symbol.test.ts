import { expect, it } from "vitest";
import { unescapeLegacyRust } from "../../../../src/probes/asan/legacy-rust-symbol.js";

it.each([
  [
    "_$LT$alloc..boxed..Box$LT$T$C$A$GT$$u20$as$u20$core..ops..drop..Drop$GT$::drop",
    "<alloc::boxed::Box<T,A> as core::ops::drop::Drop>::drop",
  ],
  ["_$LT$T$u20$as$u20$core..convert..Into$LT$U$GT$$GT$::into", "<T as core::convert::Into<U>>::into"],
  ["std::rt::lang_start::_$u7b$$u7b$closure$u7d$$u7d$", "std::rt::lang_start::{{closure}}"],
  ["operator new(unsigned long)", "operator new(unsigned long)"],
  ["price$list..total", "price$list..total"],
  ["$u110000$x$LT$", "$u110000$x<"],
])("%s is %s", (given, shown) => {
  expect(unescapeLegacyRust(given)).toBe(shown);
});
