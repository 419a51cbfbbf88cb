use super::{fds_bytes, fds_options, fds_stats, guard};
use crate::last_error;
use crate::status::{Error, OK};
use std::ffi::{CStr, c_char};

const ABI_VERSION: u32 = 1;

/// The version of this ABI; a host compares it with the one it was built for.
#[unsafe(no_mangle)]
pub extern "C" fn fds_abi_version() -> u32 {
    ABI_VERSION
}

/// The library's version, static and NUL-terminated: "0.1.0", with "+<twin>" for a broken twin.
#[unsafe(no_mangle)]
pub extern "C" fn fds_version() -> *const c_char {
    version().as_ptr()
}

fn version() -> &'static CStr {
    macro_rules! twin {
        ($($name:literal),*) => { $(
            #[cfg(feature = $name)]
            #[allow(unreachable_code)]
            {
                const TEXT: &str = concat!(env!("CARGO_PKG_VERSION"), "+", $name, "\0");
                return CStr::from_bytes_with_nul(TEXT.as_bytes()).expect("one NUL, at the end");
            }
        )* };
    }
    twin!(
        "thread-local-runtime",
        "stale-handle",
        "bytes-use-after-free",
        "double-free",
        "panic-across-boundary",
        "stack-overflow",
        "shrink-forgotten",
        "malloc-dropped-by-rust",
        "off-by-one",
        "argument-kept",
        "callback-after-close",
        "unaligned-read",
        "unload-running",
        "missing-sa-onstack",
        "signal-handler-displaced",
        "struct-layout",
        "uninitialised-field"
    );
    #[allow(unreachable_code)]
    CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes())
        .expect("one NUL, at the end")
}

/// To be called before anything else: compares the host's idea of the ABI with this library's. Sizes are in bytes.
/// FDS_OK, or FDS_ABI_MISMATCH with the difference in `fds_last_error`.
#[unsafe(no_mangle)]
pub extern "C" fn fds_handshake(
    abi_version: u32,
    options_size: usize,
    stats_size: usize,
    bytes_size: usize,
) -> i32 {
    guard(|| {
        let pairs = [
            ("ABI version", abi_version as usize, ABI_VERSION as usize),
            ("size of fds_options", options_size, size_of::<fds_options>()),
            ("size of fds_stats", stats_size, size_of::<fds_stats>()),
            ("size of fds_bytes", bytes_size, size_of::<fds_bytes>()),
        ];
        match pairs.iter().find(|(_, host, ours)| host != ours) {
            None => Ok(OK),
            Some((what, host, ours)) => Err(Error::AbiMismatch(format!(
                "{what}: the host has {host}, the library {ours}"
            ))),
        }
    })
}

/// Copies the text of this thread's last failing call into `buffer`: UTF-8, cut to `capacity` bytes with its NUL.
/// Returns the full length in bytes without the NUL; 0 when no call has failed. Thread-local: ask on the thread that made the call,
/// for the status of a callback within that callback. A call that succeeds leaves the text alone.
///
/// # Safety
/// `buffer` is NULL, or writable for `capacity` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fds_last_error(buffer: *mut c_char, capacity: usize) -> usize {
    let text = last_error::get();
    if !buffer.is_null() && capacity > 0 {
        #[cfg(not(feature = "off-by-one"))]
        let count = text.len().min(capacity - 1);
        // Twin: a text that fills the buffer leaves no room for its NUL.
        #[cfg(feature = "off-by-one")]
        let count = text.len().min(capacity);
        // SAFETY: count + 1 <= capacity, by the contract above.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast::<u8>(), count);
            buffer.add(count).write(0);
        }
    }
    text.len()
}
