//! The C ABI. Each function checks its pointers, converts, and lets no panic out.

mod bytes;
mod data;
mod handles;
mod info;
#[cfg(feature = "bytes-use-after-free")]
pub mod lent;
mod scan;
#[cfg(feature = "stale-handle")]
mod stale;
mod store;

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
#[allow(non_camel_case_types, clippy::upper_case_acronyms)]
pub enum fds_status {
    FDS_OK = 0,
    /// No record under this key.
    FDS_NOT_FOUND = 1,
    /// The scan has no further record.
    FDS_END = 2,
    FDS_INVALID_ARGUMENT = -1,
    /// The handle is closed, or never came from this library.
    FDS_INVALID_HANDLE = -2,
    FDS_ABI_MISMATCH = -3,
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
