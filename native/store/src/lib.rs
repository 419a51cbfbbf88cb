//! A storage shim: a C ABI over an embedded key-value store. All logic is in safe modules; `ffi` checks pointers and converts.
//!
//! Its features are broken twins: the classic mistakes of such shims, each beside its cure.

mod bytes;
#[cfg(any(feature = "missing-sa-onstack", feature = "signal-handler-displaced"))]
mod crash_handler;
mod engine;
pub mod ffi;
#[cfg(feature = "callback-after-close")]
mod gather;
#[cfg(feature = "double-free")]
mod hot;
mod last_error;
#[cfg(feature = "argument-kept")]
mod last_key;
#[cfg(feature = "bytes-use-after-free")]
mod lent;
#[cfg(feature = "unaligned-read")]
mod magic;
mod prefix;
mod registry;
mod reply;
#[cfg(any(feature = "stale-handle", feature = "double-free"))]
mod room;
mod runtime;
mod status;
mod store;
#[cfg(feature = "unload-running")]
mod sweeper;
mod worker;

const TWINS: &[(&str, bool)] = &[
    ("thread-local-runtime", cfg!(feature = "thread-local-runtime")),
    ("stale-handle", cfg!(feature = "stale-handle")),
    ("bytes-use-after-free", cfg!(feature = "bytes-use-after-free")),
    ("double-free", cfg!(feature = "double-free")),
    ("panic-across-boundary", cfg!(feature = "panic-across-boundary")),
    ("stack-overflow", cfg!(feature = "stack-overflow")),
    ("shrink-forgotten", cfg!(feature = "shrink-forgotten")),
    ("malloc-dropped-by-rust", cfg!(feature = "malloc-dropped-by-rust")),
    ("off-by-one", cfg!(feature = "off-by-one")),
    ("argument-kept", cfg!(feature = "argument-kept")),
    ("callback-after-close", cfg!(feature = "callback-after-close")),
    ("unaligned-read", cfg!(feature = "unaligned-read")),
    ("unload-running", cfg!(feature = "unload-running")),
    ("missing-sa-onstack", cfg!(feature = "missing-sa-onstack")),
    (
        "signal-handler-displaced",
        cfg!(feature = "signal-handler-displaced"),
    ),
    ("struct-layout", cfg!(feature = "struct-layout")),
    ("uninitialised-field", cfg!(feature = "uninitialised-field")),
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
