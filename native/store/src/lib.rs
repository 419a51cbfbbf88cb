//! A storage shim: a C ABI over an embedded key-value store. All logic is in safe modules; `ffi` checks pointers and converts.
//!
//! Its features are broken twins: the classic mistakes of such shims, each beside its cure.

mod bytes;
mod engine;
pub mod ffi;
#[cfg(feature = "double-free")]
mod hot;
mod last_error;
#[cfg(feature = "bytes-use-after-free")]
mod lent;
mod prefix;
mod registry;
mod reply;
#[cfg(any(feature = "stale-handle", feature = "double-free"))]
mod room;
mod runtime;
mod status;
mod store;
mod worker;

const TWINS: &[(&str, bool)] = &[
    ("thread-local-runtime", cfg!(feature = "thread-local-runtime")),
    ("stale-handle", cfg!(feature = "stale-handle")),
    ("bytes-use-after-free", cfg!(feature = "bytes-use-after-free")),
    ("double-free", cfg!(feature = "double-free")),
    ("panic-across-boundary", cfg!(feature = "panic-across-boundary")),
    ("stack-overflow", cfg!(feature = "stack-overflow")),
];

const fn twins_enabled() -> usize {
    let mut count = 0;
    let mut i = 0;
    while i < TWINS.len() {
        if TWINS[i].1 {
            count += 1;
        }
        i += 1;
    }
    count
}

const _: () = assert!(twins_enabled() <= 1, "at most one broken twin per build");

/// The name of the twin this build carries; `None` for the sound one.
pub fn twin() -> Option<&'static str> {
    TWINS.iter().find(|(_, enabled)| *enabled).map(|(name, _)| *name)
}
