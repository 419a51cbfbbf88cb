//! From a C handle to the store behind it.

use crate::registry::Registry;
#[cfg(not(feature = "stale-handle"))]
use crate::status::Result;
use crate::store::Store;
use std::sync::Arc;

#[cfg(not(feature = "stale-handle"))]
static STORES: Registry<Store> = Registry::new();

#[cfg(not(feature = "stale-handle"))]
pub fn insert(store: Store) -> u64 {
    STORES.insert(store)
}

/// A number that is looked up: a stale one is an error, not a pointer into memory that belongs to somebody else by now.
#[cfg(not(feature = "stale-handle"))]
pub fn get(handle: u64) -> Result<Arc<Store>> {
    STORES.get(handle)
}

#[cfg(not(feature = "stale-handle"))]
pub fn remove(handle: u64) -> Result<Arc<Store>> {
    STORES.remove(handle)
}

#[cfg(feature = "stale-handle")]
pub use super::stale::{get, insert, remove};

pub struct Scan {
    pub store: Arc<Store>,
    pub prefix: Vec<u8>,
    pub last: std::sync::Mutex<Option<Vec<u8>>>,
}

pub static SCANS: Registry<Scan> = Registry::new();
