//! Twin: a cache of hot values gives its own boxes away, while `fds_free_bytes` believes that it frees the host's.
//! The cure is `bytes`: who is given a value is its only owner.

use crate::room::{Room, block_size};
use std::sync::{Mutex, MutexGuard, PoisonError};

static HOT: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// Sizes worth caching, in bytes.
fn is_hot(len: usize) -> bool {
    (64..=512).contains(&len)
}

fn hot() -> MutexGuard<'static, Vec<Box<[u8]>>> {
    HOT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a value and gives it away, both at once; `None` when it is not worth it.
pub fn share(value: &[u8]) -> Option<(*mut u8, usize)> {
    if !is_hot(value.len()) {
        return None;
    }
    let mut boxed: Box<[u8]> = value.into();
    let given = (boxed.as_mut_ptr(), boxed.len());
    hot().push(boxed);
    Some(given)
}

/// The host is done with a hot value, and so is the cache. Whether this was one.
///
/// # Safety
/// There is none: the box is freed for the host, and then by its owner.
#[inline(never)]
pub unsafe fn release_hot_value(pointer: *mut u8, len: usize) -> bool {
    if !is_hot(len) || !hot().iter().any(|value| value.as_ptr() == pointer) {
        return false;
    }
    // The first free of two goes where glibc looks first: it says the same of the second in every host.
    // SAFETY: the pointer is a block of malloc's, not freed yet.
    let _room = Room::for_blocks_of(unsafe { block_size(pointer) });
    // SAFETY: the box is still the cache's.
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(pointer, len)) });
    evict_hot_value(pointer);
    true
}

#[inline(never)]
fn evict_hot_value(pointer: *const u8) {
    let mut hot = hot();
    if let Some(i) = hot.iter().position(|value| value.as_ptr() == pointer) {
        drop(hot.swap_remove(i));
    }
}
