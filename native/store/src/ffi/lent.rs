//! Twin: large values are lent from a cache instead of copied, "until the next put". The host was told nothing of that.

use std::collections::HashMap;
use std::sync::Mutex;

const LENT_FROM: usize = 256 << 10;

pub fn is_lent(len: usize) -> bool {
    len >= LENT_FROM
}

/// A value in pages of its own, unmapped when it is dropped.
struct Pages {
    pointer: *mut u8,
    len: usize,
}

// SAFETY: the pages belong to this value alone.
unsafe impl Send for Pages {}

impl Pages {
    fn copy_of(value: &[u8]) -> Pages {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a fresh anonymous mapping of the value's length.
        let pointer = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                value.len(),
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                -1,
                0,
            )
        };
        assert_ne!(pointer, libc::MAP_FAILED, "out of memory");
        // SAFETY: both ranges are of the value's length, and one is new.
        unsafe { std::ptr::copy_nonoverlapping(value.as_ptr(), pointer.cast(), value.len()) };
        Pages {
            pointer: pointer.cast(),
            len: value.len(),
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped by `copy_of`.
        unsafe { libc::munmap(self.pointer.cast(), self.len) };
    }
}

#[derive(Default)]
pub struct LentValues {
    by_key: Mutex<HashMap<Vec<u8>, Pages>>,
}

impl LentValues {
    pub fn lend(&self, key: &[u8], value: &[u8]) -> (*mut u8, usize) {
        let mut by_key = self.by_key.lock().unwrap();
        let pages = by_key
            .entry(key.to_vec())
            .or_insert_with(|| Pages::copy_of(value));
        (pages.pointer, pages.len)
    }

    pub fn forget(&self, key: &[u8]) {
        self.by_key.lock().unwrap().remove(key);
    }
}
