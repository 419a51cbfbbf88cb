use super::handles::{SCANS, Scan};
use super::{fds_bytes, fds_store, guard, handles, input, ok, output};
use crate::prefix;
use crate::status::{END, Result};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// An open scan. 0 is never one.
#[allow(non_camel_case_types)]
pub type fds_scan = u64;

/// Opens an iterator over the records whose keys begin with `prefix`, UTF-8 segments separated by '/'. Any thread.
/// Errors: FDS_INVALID_ARGUMENT (not UTF-8, nested too deep), FDS_INVALID_HANDLE.
///
/// # Safety
/// `prefix` is readable for its length in bytes, `out` writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fds_scan_open(
    store: fds_store,
    prefix: *const u8,
    prefix_len: usize,
    out: *mut fds_scan,
) -> i32 {
    // Twin: the check stands outside of the guard, where a panic has nowhere to go.
    #[cfg(feature = "panic-across-boundary")]
    if let Ok(bytes) = unsafe { input("prefix", prefix, prefix_len) } {
        let _ = prefix::parse_prefix(bytes);
    }
    guard(|| {
        // SAFETY: by the contract above.
        ok(unsafe { open(store, prefix, prefix_len, out) })
    })
}

unsafe fn open(store: fds_store, prefix: *const u8, prefix_len: usize, out: *mut fds_scan) -> Result<()> {
    // SAFETY: the caller's contract.
    let bytes = unsafe { input("prefix", prefix, prefix_len)? };
    let text = prefix::parse_prefix(bytes)?;
    prefix::check_depth(text)?;
    let store = handles::get(store)?;
    // SAFETY: the caller's contract.
    unsafe { output("out", out, 0)? };
    store.runtime.scans_open.fetch_add(1, Ordering::Relaxed);
    let scan = SCANS.insert(Scan {
        store,
        prefix: bytes.to_vec(),
        last: Mutex::new(None),
    });
    // SAFETY: the caller's contract.
    unsafe { output("out", out, scan) }
}

/// The next record, key order; both parts are the host's to free. FDS_END leaves both empty. Any thread, one at a time.
///
/// # Safety
/// `key` and `value` are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fds_scan_next(scan: fds_scan, key: *mut fds_bytes, value: *mut fds_bytes) -> i32 {
    guard(|| {
        // SAFETY: by the contract above.
        unsafe {
            output("key", key, fds_bytes::EMPTY)?;
            output("value", value, fds_bytes::EMPTY)?;
        }
        let scan = SCANS.get(scan)?;
        let mut last = scan.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some((found, content)) = scan.store.next(&scan.prefix, last.clone())? else {
            return Ok(END);
        };
        *last = Some(found.clone());
        // SAFETY: by the contract above.
        ok(unsafe {
            output("key", key, fds_bytes::give(found))
                .and_then(|()| output("value", value, fds_bytes::give(content)))
        })
    })
}

/// Closes an iterator. A second close is FDS_INVALID_HANDLE, nothing worse. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn fds_scan_close(scan: fds_scan) -> i32 {
    guard(|| {
        SCANS
            .remove(scan)?
            .store
            .runtime
            .scans_open
            .fetch_sub(1, Ordering::Relaxed);
        ok(Ok(()))
    })
}
