//! What a call needs besides the store: counters and limits.

use std::sync::atomic::{AtomicU64, Ordering};

/// Owned by the handle, so that it is there whatever thread a call arrives on.
#[repr(C)]
#[derive(Default)]
pub struct Runtime {
    pub gets: AtomicU64,
    pub puts: AtomicU64,
    pub deletes: AtomicU64,
    pub scans_open: AtomicU64,
    reserved: [AtomicU64; 2],
    /// Bumped by every read, to age the cache.
    pub read_epoch: AtomicU64,
}

impl Runtime {
    pub fn enter_read(&self) {
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.read_epoch.fetch_add(1, Ordering::Relaxed);
    }
}

/// Twin: the runtime lives in a thread-local that `open` sets. It works as long as all calls come from one OS thread, which a Go
/// scheduler or a thread pool does not promise.
#[cfg(feature = "thread-local-runtime")]
pub mod thread_local {
    use super::Runtime;
    use std::cell::Cell;

    thread_local! {
        static CURRENT: Cell<*const Runtime> = const { Cell::new(std::ptr::null()) };
    }

    pub fn install(runtime: *const Runtime) {
        CURRENT.set(runtime);
    }

    #[inline(never)]
    pub fn enter_read() {
        let runtime = std::hint::black_box(CURRENT.get());
        // SAFETY: there is none: null on every thread but the one that opened.
        advance_epoch(unsafe { &*runtime });
    }

    #[inline(never)]
    fn advance_epoch(runtime: &Runtime) {
        runtime
            .read_epoch
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        runtime.gets.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}
