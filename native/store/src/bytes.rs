//! Memory that crosses: allocated here, freed here.

#[cfg(feature = "double-free")]
use std::sync::Mutex;

use std::sync::atomic::{AtomicU64, Ordering};

static OUTSTANDING: AtomicU64 = AtomicU64::new(0);

/// Bytes given away and not taken back.
pub fn outstanding() -> u64 {
    OUTSTANDING.load(Ordering::Relaxed)
}

/// Gives a value away. The box is shrunk to its length, so that pointer and length are all that freeing needs.
pub fn give(value: Vec<u8>) -> (*mut u8, usize) {
    if value.is_empty() {
        return (std::ptr::null_mut(), 0);
    }
    let boxed = value.into_boxed_slice();
    let len = boxed.len();
    OUTSTANDING.fetch_add(len as u64, Ordering::Relaxed);
    let pointer = Box::into_raw(boxed).cast::<u8>();
    #[cfg(feature = "double-free")]
    HOT.lock().unwrap().push((pointer as usize, len));
    (pointer, len)
}

/// # Safety
/// `pointer` and `len` come from `give`, and are taken back once.
pub unsafe fn take_back(pointer: *mut u8, len: usize) {
    if pointer.is_null() {
        return;
    }
    OUTSTANDING.fetch_sub(len as u64, Ordering::Relaxed);
    // SAFETY: by the contract above this is the box that `give` leaked.
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(pointer, len)) });
    #[cfg(feature = "double-free")]
    evict_hot_value(pointer, len);
}

/// Twin: values given away stay in a cache of hot values that believes it owns them, and eviction frees them again.
#[cfg(feature = "double-free")]
static HOT: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

#[cfg(feature = "double-free")]
#[inline(never)]
fn evict_hot_value(pointer: *mut u8, len: usize) {
    let mut hot = HOT.lock().unwrap();
    let Some(i) = hot.iter().position(|entry| entry.0 == pointer as usize) else {
        return;
    };
    hot.swap_remove(i);
    drop(hot);
    // SAFETY: there is none: the caller has freed it already.
    drop(unsafe {
        Box::from_raw(std::ptr::slice_from_raw_parts_mut(
            std::hint::black_box(pointer),
            len,
        ))
    });
}
