//! Twin: a thread that sweeps expired records is started by the first open, and nothing ever stops it: not close, and not the
//! unloading of the library. The cure is `worker`: a thread belongs to a handle, and close waits for its end.
//!
//! A thread of libc's own: one of std's would keep the library loaded, by its thread-local destructors.

use std::ffi::c_void;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

const PAUSE_US: u32 = 10_000;

static SWEEPS: AtomicU64 = AtomicU64::new(0);

pub fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let mut thread = 0;
        // SAFETY: the thread takes no argument; nobody waits for it.
        unsafe {
            if libc::pthread_create(&mut thread, std::ptr::null(), sweep, std::ptr::null_mut()) == 0 {
                libc::pthread_detach(thread);
            }
        }
    });
}

extern "C" fn sweep(_: *mut c_void) -> *mut c_void {
    loop {
        // SAFETY: it takes a number.
        unsafe { libc::usleep(PAUSE_US) };
        SWEEPS.fetch_add(1, Ordering::Relaxed);
    }
}
