//! What a call needs besides the store: its counters and its limits.

use crate::status::{Error, Result};
use std::sync::atomic::AtomicU64;

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: u64 = 64 << 10;

/// Owned by the handle, so that it is there whatever thread a call arrives on.
#[repr(C)]
pub struct Runtime {
    pub gets: AtomicU64,
    pub puts: AtomicU64,
    pub deletes: AtomicU64,
    pub scans_open: AtomicU64,
    _reserved: [u64; 2],
    max_key_bytes: u64,
}

// The twin faults at this offset from null, and what recognises the fault was told so.
const _: () = assert!(std::mem::offset_of!(Runtime, max_key_bytes) == 0x30);

impl Default for Runtime {
    fn default() -> Self {
        Runtime {
            gets: AtomicU64::new(0),
            puts: AtomicU64::new(0),
            deletes: AtomicU64::new(0),
            scans_open: AtomicU64::new(0),
            _reserved: [0; 2],
            max_key_bytes: MAX_KEY_BYTES,
        }
    }
}

impl Runtime {
    #[inline(never)]
    pub fn check_key(&self, key: &[u8]) -> Result<()> {
        let limit = self.max_key_bytes;
        if key.len() as u64 > limit {
            return Err(Error::InvalidArgument(format!(
                "the key has {} bytes, at most {limit} are allowed",
                key.len()
            )));
        }
        Ok(())
    }
}

/// Twin: the runtime is the thread's, set up by `open`. That works as long as one OS thread makes all the calls, which neither a
/// Go scheduler nor a thread pool promises. The cure is above: the handle owns it.
#[cfg(feature = "thread-local-runtime")]
pub mod of_thread {
    use super::Runtime;
    use std::cell::Cell;

    thread_local! {
        static CURRENT: Cell<*const Runtime> = const { Cell::new(std::ptr::null()) };
    }

    /// Sets up the runtime of this thread, once and for as long as the process lives.
    pub fn initialise() {
        if CURRENT.get().is_null() {
            CURRENT.set(Box::leak(Box::default()));
        }
    }

    #[inline(never)]
    pub fn current() -> &'static Runtime {
        // SAFETY: there is none: null on each thread that never opened a store.
        unsafe { &*std::hint::black_box(CURRENT.get()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_limited() {
        let runtime = Runtime::default();
        let longest = vec![0; MAX_KEY_BYTES as usize];
        assert_eq!(runtime.check_key(&longest), Ok(()));
        let longer = vec![0; MAX_KEY_BYTES as usize + 1];
        assert!(matches!(
            runtime.check_key(&longer),
            Err(Error::InvalidArgument(_))
        ));
    }
}
