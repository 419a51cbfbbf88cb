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
/// Do not wait for the disk at each commit: a crash of the machine may lose the last puts, a crash of the process none.
pub const FDS_NO_SYNC: u32 = 2;

/// How to open. `struct_size` is sizeof(fds_options) as the host sees it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub struct fds_options {
    pub struct_size: u32,
    pub flags: u32,
    /// Bytes of page cache; 0 for the default.
    pub cache_bytes: u64,
}

/// Counters of one handle. `struct_size` is set by the host before the call.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(non_camel_case_types)]
pub struct fds_stats {
    pub struct_size: u32,
    pub reserved: u32,
    pub gets: u64,
    pub puts: u64,
    pub deletes: u64,
    pub scans_open: u64,
    /// Bytes that this library has given out and not got back, over all handles.
    pub bytes_outstanding: u64,
    /// The kernel's id of the handle's own thread (gettid(2)).
    pub worker_thread_id: u64,
}

/// Opens a store and starts its worker thread. `options` NULL: create, sync each commit. Any thread.
/// Errors: FDS_INVALID_ARGUMENT, FDS_ABI_MISMATCH (struct_size), FDS_STORAGE.
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
        let engine = EngineOptions {
            create: options.flags & FDS_CREATE != 0,
            sync: options.flags & FDS_NO_SYNC == 0,
            cache_bytes: usize::try_from(options.cache_bytes).unwrap_or(usize::MAX),
        };
        let store = Store::open(OsStr::from_bytes(path.to_bytes()).into(), engine)?;
        // SAFETY: by the contract above.
        ok(unsafe { output("out", out, handles::insert(store)) })
    })
}

/// Closes a store: waits for the calls in flight and ends its worker. The handle is invalid from here on. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn fds_close(store: fds_store) -> i32 {
    guard(|| {
        handles::remove(store)?.close();
        ok(Ok(()))
    })
}

/// Reads the counters of a handle. Any thread.
///
/// # Safety
/// `out` is writable, its `struct_size` set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fds_stats_get(store: fds_store, out: *mut fds_stats) -> i32 {
    guard(|| {
        // SAFETY: by the contract above.
        let size = unsafe { out.as_ref() }.map(|stats| stats.struct_size);
        if size != Some(size_of::<fds_stats>() as u32) {
            return Err(Error::AbiMismatch(format!("fds_stats.struct_size is {size:?}")));
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
        // SAFETY: by the contract above.
        ok(unsafe { output("out", out, stats) })
    })
}
