//! Twin: a large value is not copied but lent from the handle's cache, "valid until the next put". Nobody told the host.
//! The cure is `bytes::Outlet`: a copy for each reader.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Once, PoisonError};

/// Values from this size on, in bytes, are lent.
const LENT_FROM: usize = 256 << 10;

pub fn is_lent(len: usize) -> bool {
    len >= LENT_FROM
}

#[derive(Clone, Default)]
pub struct Outlet {
    cache: Arc<Mutex<HashMap<Vec<u8>, Vec<u8>>>>,
}

impl Outlet {
    pub fn give(&self, key: &[u8], value: Vec<u8>) -> (*mut u8, usize) {
        if !is_lent(value.len()) {
            return crate::bytes::give(value);
        }
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.get(key).is_none_or(|cached| *cached != value) {
            cache.insert(key.to_vec(), cache_buffer(&value));
        }
        let cached = cache.get_mut(key).expect("it was put there just now");
        (cached.as_mut_ptr(), cached.len())
    }

    /// The record under `key` has changed, and the cached buffer goes: under the eyes of whoever still reads it.
    pub fn changed(&self, key: &[u8]) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        drop_cached_value(cache.remove(key));
    }
}

#[inline(never)]
fn drop_cached_value(value: Option<Vec<u8>>) {
    drop(std::hint::black_box(value));
}

/// A buffer with room to grow. It is a mapping of its own, which malloc returns to the kernel when it is freed, and its slack is
/// where the kernel puts the mappings that follow: so a late reader always faults, and never meets a stranger's bytes.
#[inline(never)]
fn cache_buffer(value: &[u8]) -> Vec<u8> {
    static OWN_MAPPINGS: Once = Once::new();
    // Unset, glibc raises the threshold after each large free, and the second buffer would come from the heap.
    // SAFETY: mallopt changes a number under the allocator's own lock.
    OWN_MAPPINGS.call_once(|| unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LENT_FROM as i32);
    });
    let mut buffer = Vec::with_capacity(4 * value.len());
    buffer.extend_from_slice(value);
    buffer
}
