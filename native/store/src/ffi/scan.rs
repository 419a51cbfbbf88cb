use super::handles::{Position, SCANS, Scan};
use super::{fds_bytes, fds_store, guard, handles, input, ok, output};
use crate::prefix;
use crate::status::{END, Result};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

/// An open scan. 0 is never one.
#[allow(non_camel_case_types)]
pub type fds_scan = u64;

/// Opens an iterator over the records whose keys begin with `prefix`: UTF-8, at most 4096 segments separated by '/', the last maybe
/// a part of one; empty for all records. To be closed by `fds_scan_close`. Any thread.
/// Errors: FDS_INVALID_ARGUMENT (not UTF-8, nested too deep), FDS_INVALID_HANDLE. `out` is then 0, or untouched.
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
    // Twin: the prefix is parsed outside of the guard, where a panic has nowhere to go. The cure is below.
    #[cfg(feature = "panic-across-boundary")]
    if !prefix.is_null() && prefix_len <= isize::MAX as usize {
        // SAFETY: by the contract above.
        prefix::trusting::parse_key_prefix(unsafe { std::slice::from_raw_parts(prefix, prefix_len) });
    }
    guard(|| {
        // SAFETY: by the contract above.
        ok(unsafe { open(store, prefix, prefix_len, out) })
    })
}

unsafe fn open(store: fds_store, prefix: *const u8, prefix_len: usize, out: *mut fds_scan) -> Result<()> {
    // SAFETY: the caller's contract.
    let bytes = unsafe { input("prefix", prefix, prefix_len)? };
    prefix::parse(bytes)?;
    let store = handles::get(store)?;
    // SAFETY: the caller's contract.
    unsafe { output("out", out, 0)? };
    store.runtime.scans_open.fetch_add(1, Ordering::Relaxed);
    let scan = SCANS.insert(Scan {
        store,
        prefix: bytes.to_vec(),
        position: Mutex::new(Position::Start),
    });
    // SAFETY: the caller's contract.
    unsafe { output("out", out, scan) }
}

/// The next record, in the order of the keys' bytes; both parts are the host's to free by `fds_free_bytes`. FDS_END, and an error,
/// leave both empty, and FDS_END stays. Not a snapshot: what is put behind the iterator is missed, what is put ahead of it is seen.
/// Any thread, and each record goes to one caller. Errors: FDS_INVALID_ARGUMENT, FDS_INVALID_HANDLE, FDS_STORAGE, FDS_CLOSED.
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
        let mut position = scan.position.lock().unwrap_or_else(PoisonError::into_inner);
        let after = match &*position {
            Position::Start => None,
            Position::After(last) => Some(last.clone()),
            Position::End => return Ok(END),
        };
        let Some((found, content)) = scan.store.next(&scan.prefix, after)? else {
            *position = Position::End;
            return Ok(END);
        };
        *position = Position::After(found.clone());
        let content = scan.store.outlet.give(&found, content);
        // SAFETY: by the contract above.
        ok(unsafe {
            output("key", key, fds_bytes::give(found)).and_then(|()| output("value", value, content.into()))
        })
    })
}

/// Closes an iterator, also when its store is closed already. A second close is FDS_INVALID_HANDLE, nothing worse. Any thread.
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
