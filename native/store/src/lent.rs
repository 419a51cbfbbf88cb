//! Twin: a large value is not copied but lent from the handle's cache, "valid until the next put". Nobody told the host.
//! The cure is `bytes::Outlet`: a copy for each reader.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Values from this size on, in bytes, are lent.
const LENT_FROM: usize = 256 << 10;

pub fn is_lent(len: usize) -> bool {
    len >= LENT_FROM
}

#[derive(Clone, Default)]
pub struct Outlet {
    cache: Arc<Mutex<HashMap<Vec<u8>, Mapped>>>,
}

impl Outlet {
    pub fn give(&self, key: &[u8], value: Vec<u8>) -> (*mut u8, usize) {
        if !is_lent(value.len()) {
            return crate::bytes::give(value);
        }
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.get(key).is_none_or(|cached| cached.bytes() != value) {
            cache.insert(key.to_vec(), Mapped::of(&value));
        }
        let cached = cache.get(key).expect("it was put there just now");
        (cached.start, cached.len)
    }

    /// The record under `key` has changed, and the cached buffer goes: under the eyes of whoever still reads it.
    pub fn changed(&self, key: &[u8]) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        drop_cached_value(cache.remove(key));
    }
}

#[inline(never)]
fn drop_cached_value(value: Option<Mapped>) {
    drop(std::hint::black_box(value));
}

/// A buffer that is a mapping of its own, with room to grow: its slack is where the kernel puts the mappings that follow, so that a
/// late reader always faults, and never meets a stranger's bytes.
struct Mapped {
    start: *mut u8,
    len: usize,
    capacity: usize,
}

// SAFETY: the memory is this buffer's alone.
unsafe impl Send for Mapped {}

impl Mapped {
    #[inline(never)]
    fn of(value: &[u8]) -> Mapped {
        let capacity = 4 * value.len();
        // SAFETY: a fresh mapping, large enough for the copy.
        unsafe {
            let start = libc::mmap(
                std::ptr::null_mut(),
                capacity,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(start, libc::MAP_FAILED, "no memory for the cache");
            let start = start.cast::<u8>();
            std::ptr::copy_nonoverlapping(value.as_ptr(), start, value.len());
            Mapped {
                start,
                len: value.len(),
                capacity,
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: `of` has written that many.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: mapped by `of`, and unmapped once.
        unsafe { libc::munmap(self.start.cast(), self.capacity) };
    }
}
