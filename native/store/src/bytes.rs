//! Values that cross: allocated here, freed here.

use std::sync::atomic::{AtomicU64, Ordering};

static OUTSTANDING: AtomicU64 = AtomicU64::new(0);

/// Bytes given away and not taken back.
pub fn outstanding() -> u64 {
    OUTSTANDING.load(Ordering::Relaxed)
}

/// Gives a value away. The box is shrunk to its length, so that pointer and length are all that freeing needs: a capacity that
/// nobody remembers would reach the allocator as a wrong size.
pub fn give(value: Vec<u8>) -> (*mut u8, usize) {
    if value.is_empty() {
        return (std::ptr::null_mut(), 0);
    }
    let len = value.len();
    OUTSTANDING.fetch_add(len as u64, Ordering::Relaxed);
    (leak(value), len)
}

#[cfg(not(any(feature = "shrink-forgotten", feature = "malloc-dropped-by-rust")))]
fn leak(value: Vec<u8>) -> *mut u8 {
    Box::into_raw(value.into_boxed_slice()).cast()
}

/// Twin: room for what hosts like to append, and nobody remembers how much: it is freed as if it had none.
#[cfg(feature = "shrink-forgotten")]
fn leak(mut value: Vec<u8>) -> *mut u8 {
    value.reserve_exact(64);
    std::mem::ManuallyDrop::new(value).as_mut_ptr()
}

/// Twin: C's memory, because a C host gets it, while `take_back` drops a box of Rust's.
#[cfg(feature = "malloc-dropped-by-rust")]
fn leak(value: Vec<u8>) -> *mut u8 {
    // SAFETY: the copy has the length of both.
    unsafe {
        let copy = libc::malloc(value.len()).cast::<u8>();
        if !copy.is_null() {
            std::ptr::copy_nonoverlapping(value.as_ptr(), copy, value.len());
        }
        copy
    }
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
}

/// Where a handle's values go out: each as a copy of its own, which no later call touches.
#[cfg(not(feature = "bytes-use-after-free"))]
#[derive(Clone, Default)]
pub struct Outlet;

#[cfg(not(feature = "bytes-use-after-free"))]
impl Outlet {
    pub fn give(&self, _key: &[u8], value: Vec<u8>) -> (*mut u8, usize) {
        give(value)
    }

    /// The record under `key` has changed: nothing to do, copies do not mind.
    pub fn changed(&self, _key: &[u8]) {}
}

#[cfg(feature = "bytes-use-after-free")]
pub use crate::lent::Outlet;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_counted_until_it_comes_back() {
        let mut value = Vec::with_capacity(1000);
        value.extend_from_slice(b"abc");
        let (pointer, len) = give(value);
        assert_eq!((len, outstanding()), (3, 3));
        // SAFETY: just given.
        assert_eq!(unsafe { std::slice::from_raw_parts(pointer, len) }, b"abc");
        // SAFETY: just given, and once.
        unsafe { take_back(pointer, len) };
        assert_eq!(outstanding(), 0);
    }

    #[test]
    fn an_empty_value_is_null() {
        let (pointer, len) = give(Vec::with_capacity(10));
        assert!(pointer.is_null());
        assert_eq!(len, 0);
        // SAFETY: null is ignored.
        unsafe { take_back(pointer, len) };
    }
}
