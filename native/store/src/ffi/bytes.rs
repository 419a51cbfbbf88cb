use crate::bytes;

/// Bytes that this library allocated. Whoever receives them owns them and gives them back by `fds_free_bytes`, once.
/// `ptr` is NULL exactly when `len` is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types)]
pub struct fds_bytes {
    pub ptr: *mut u8,
    pub len: usize,
}

impl fds_bytes {
    pub const EMPTY: fds_bytes = fds_bytes {
        ptr: std::ptr::null_mut(),
        len: 0,
    };

    pub(super) fn give(value: Vec<u8>) -> fds_bytes {
        bytes::give(value).into()
    }
}

impl From<(*mut u8, usize)> for fds_bytes {
    fn from((ptr, len): (*mut u8, usize)) -> Self {
        fds_bytes { ptr, len }
    }
}

/// Frees bytes that this library gave out. Any thread. Empty bytes are ignored.
///
/// # Safety
/// The bytes come from this library and were not freed before; no other allocator may free them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fds_free_bytes(bytes: fds_bytes) {
    // Twin: a lent value is the cache's to free.
    #[cfg(feature = "bytes-use-after-free")]
    if crate::lent::is_lent(bytes.len) {
        return;
    }
    // Twin: and this one is freed twice.
    #[cfg(feature = "double-free")]
    if unsafe { crate::hot::release_hot_value(bytes.ptr, bytes.len) } {
        return;
    }
    // SAFETY: by the contract above.
    unsafe { bytes::take_back(bytes.ptr, bytes.len) };
}
