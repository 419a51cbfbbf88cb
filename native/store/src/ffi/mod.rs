//! The C ABI. Each function checks its pointers, converts, and lets no panic out.

mod bytes;
mod data;
mod handles;
mod info;
mod scan;
#[cfg(feature = "stale-handle")]
mod stale;
mod store;
#[cfg(feature = "uninitialised-field")]
mod unset;

pub use bytes::*;
pub use data::*;
pub use info::*;
pub use scan::*;
pub use store::*;

use crate::last_error;
use crate::status::{Error, OK, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The status of a call. Positive values are no errors; the text of an error is in `fds_last_error`.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, clippy::upper_case_acronyms)]
pub enum fds_status {
    FDS_OK = 0,
    /// No record under this key.
    FDS_NOT_FOUND = 1,
    /// The scan has no further record.
    FDS_END = 2,
    /// A pointer is NULL, a length or a flag out of range, or a prefix not well formed.
    FDS_INVALID_ARGUMENT = -1,
    /// The handle is closed, or never came from this library.
    FDS_INVALID_HANDLE = -2,
    /// The host was built against another version of this header.
    FDS_ABI_MISMATCH = -3,
    /// The file cannot be opened, read or written, or is open elsewhere.
    FDS_STORAGE = -4,
    /// A bug of this library, caught before it could cross.
    FDS_PANIC = -5,
    /// The store was closed under an iterator or a call in flight.
    FDS_CLOSED = -6,
}

/// Runs a call's body; errors and panics become a status, their text this thread's last error.
fn guard(body: impl FnOnce() -> Result<i32>) -> i32 {
    let error = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(status)) => return status,
        Ok(Err(error)) => error,
        Err(payload) => Error::Panic(panic_text(payload.as_ref())),
    };
    fail(&error)
}

/// Keeps the text of an error for this thread, and gives its code.
fn fail(error: &Error) -> i32 {
    last_error::set(error.text());
    error.code()
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown panic".into())
}

fn ok(result: Result<()>) -> Result<i32> {
    result.map(|()| OK)
}

/// # Safety
/// `pointer` is null, or points to `len` readable bytes for the time of the call.
unsafe fn input<'a>(what: &str, pointer: *const u8, len: usize) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() || len > isize::MAX as usize {
        return Err(Error::InvalidArgument(format!(
            "{what} is NULL or too long ({len} bytes)"
        )));
    }
    // SAFETY: by the contract above.
    Ok(unsafe { std::slice::from_raw_parts(pointer, len) })
}

/// # Safety
/// `pointer` is null, or points to writable memory for one `T`.
unsafe fn output<T>(what: &str, pointer: *mut T, value: T) -> Result<()> {
    if pointer.is_null() {
        return Err(Error::InvalidArgument(format!("{what} is NULL")));
    }
    // SAFETY: by the contract above.
    unsafe { pointer.write(value) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{END, NOT_FOUND};

    #[test]
    fn a_panic_becomes_a_status_with_its_text() {
        assert_eq!(guard(|| panic!("on {}", "purpose")), fds_status::FDS_PANIC as i32);
        assert_eq!(last_error::get(), "internal error: on purpose");
    }

    #[test]
    fn the_header_and_the_errors_agree_on_every_code() {
        let text = String::new;
        for (error, status) in [
            (Error::InvalidArgument(text()), fds_status::FDS_INVALID_ARGUMENT),
            (Error::InvalidHandle, fds_status::FDS_INVALID_HANDLE),
            (Error::AbiMismatch(text()), fds_status::FDS_ABI_MISMATCH),
            (Error::Storage(text()), fds_status::FDS_STORAGE),
            (Error::Panic(text()), fds_status::FDS_PANIC),
            (Error::Closed, fds_status::FDS_CLOSED),
        ] {
            assert_eq!(error.code(), status as i32);
        }
        let positive = [fds_status::FDS_OK, fds_status::FDS_NOT_FOUND, fds_status::FDS_END];
        assert_eq!(positive.map(|status| status as i32), [OK, NOT_FOUND, END]);
    }

    #[test]
    fn lengths_that_no_object_has_are_refused() {
        // SAFETY: refused before anything is read.
        let refused = unsafe { input("key", std::ptr::dangling(), usize::MAX) };
        assert!(matches!(refused, Err(Error::InvalidArgument(_))));
        // SAFETY: nothing is read of an empty input.
        assert_eq!(unsafe { input("key", std::ptr::null(), 0) }, Ok(&[][..]));
    }
}
