use super::{guard, handles, ok, output};
use crate::engine::EngineOptions;
use crate::status::Error;
use crate::store::Store;
use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::Ordering;

/// An open store. 0 is never one.
#[allow(non_camel_case_types)]
pub type fds_store = u64;

/// Create the file when it is missing.
pub const FDS_CREATE: u32 = 1;
/// Do not wait for the disk at each commit: a crash of the machine or of the process loses the puts since the store was opened,
/// but tears none. `fds_close` makes them durable.
pub const FDS_NO_SYNC: u32 = 2;

/// How to open. `struct_size` is sizeof(fds_options) as the host sees it, in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub struct fds_options {
    pub struct_size: u32,
    /// FDS_CREATE, FDS_NO_SYNC; other bits are refused.
    pub flags: u32,
    /// Bytes of page cache; 0 for the default.
    pub cache_bytes: u64,
}

/// Counters of one handle since it was opened. `struct_size` is set by the host before the call, to sizeof(fds_stats) in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(non_camel_case_types)]
pub struct fds_stats {
    pub struct_size: u32,
    pub reserved: u32,
    pub gets: u64,
    pub puts: u64,
    pub deletes: u64,
    /// Iterators opened and not yet closed.
    pub scans_open: u64,
    /// Bytes that this library has given out and not got back, over all handles.
    pub bytes_outstanding: u64,
    /// The kernel's id of the handle's own thread (gettid(2)).
    pub worker_thread_id: u64,
}

/// Opens a store and starts its worker thread, to be ended by `fds_close`. `options` NULL: FDS_CREATE alone. Any thread; the handle
/// is good on all of them. A file is open once at a time, over all processes. A handle does not survive a fork.
/// Errors: FDS_INVALID_ARGUMENT, FDS_ABI_MISMATCH (struct_size), FDS_STORAGE. `out` is then 0, or untouched.
///
/// # Safety
/// `path` is NUL-terminated, `options` NULL or valid, `out` writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fds_open(
    path: *const c_char,
    options: *const fds_options,
    out: *mut fds_store,
) -> i32 {
    guard(|| {
        if path.is_null() || out.is_null() {
            return Err(Error::InvalidArgument("path or out is NULL".into()));
        }
        // SAFETY: by the contract above.
        unsafe { output("out", out, 0)? };
        // SAFETY: by the contract above.
        let (path, options) = unsafe { (CStr::from_ptr(path), options.as_ref()) };
        let options = match options {
            None => fds_options {
                struct_size: 0,
                flags: FDS_CREATE,
                cache_bytes: 0,
            },
            Some(options) if options.struct_size as usize == size_of::<fds_options>() => *options,
            Some(options) => {
                return Err(Error::AbiMismatch(format!(
                    "fds_options.struct_size is {}",
                    options.struct_size
                )));
            }
        };
        if options.flags & !(FDS_CREATE | FDS_NO_SYNC) != 0 {
            return Err(Error::InvalidArgument(format!(
                "unknown flags {:#x}",
                options.flags
            )));
        }
        let engine = EngineOptions {
            create: options.flags & FDS_CREATE != 0,
            sync: options.flags & FDS_NO_SYNC == 0,
            cache_bytes: usize::try_from(options.cache_bytes).unwrap_or(usize::MAX),
        };
        #[cfg(any(feature = "missing-sa-onstack", feature = "signal-handler-displaced"))]
        crate::crash_handler::install();
        #[cfg(feature = "unload-running")]
        crate::sweeper::start();
        let store = Store::open(OsStr::from_bytes(path.to_bytes()).into(), engine)?;
        // SAFETY: by the contract above.
        ok(unsafe { output("out", out, handles::insert(store)) })
    })
}

/// Closes a store: the calls in flight are answered, their callbacks run, everything is made durable, and the worker has ended when
/// this returns. The handle is invalid from here on, also after FDS_STORAGE; its iterators answer FDS_CLOSED. Any thread but from a
/// callback of this store (FDS_INVALID_ARGUMENT, and nothing is closed). Errors: FDS_INVALID_HANDLE, FDS_STORAGE.
#[unsafe(no_mangle)]
pub extern "C" fn fds_close(store: fds_store) -> i32 {
    guard(|| {
        handles::get(store)?.check_close()?;
        ok(handles::remove(store)?.close())
    })
}

/// Reads the counters of a handle. Any thread. Errors: FDS_INVALID_ARGUMENT, FDS_ABI_MISMATCH (struct_size), FDS_INVALID_HANDLE.
///
/// # Safety
/// `out` is writable, its `struct_size` set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fds_stats_get(store: fds_store, out: *mut fds_stats) -> i32 {
    guard(|| {
        // SAFETY: by the contract above.
        let Some(size) = (unsafe { out.as_ref() }).map(|stats| stats.struct_size) else {
            return Err(Error::InvalidArgument("out is NULL".into()));
        };
        if size as usize != size_of::<fds_stats>() {
            return Err(Error::AbiMismatch(format!("fds_stats.struct_size is {size}")));
        }
        let store = handles::get(store)?;
        let runtime = &store.runtime;
        let stats = fds_stats {
            struct_size: size_of::<fds_stats>() as u32,
            reserved: 0,
            gets: runtime.gets.load(Ordering::Relaxed),
            puts: runtime.puts.load(Ordering::Relaxed),
            deletes: runtime.deletes.load(Ordering::Relaxed),
            scans_open: runtime.scans_open.load(Ordering::Relaxed),
            bytes_outstanding: crate::bytes::outstanding(),
            worker_thread_id: store.worker_tid(),
        };
        #[cfg(feature = "uninitialised-field")]
        let (out, stats) = super::unset::without_reserved(out, &stats);
        // SAFETY: by the contract above.
        ok(unsafe { output("out", out, stats) })
    })
}
