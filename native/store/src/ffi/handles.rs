//! From a C handle to the store behind it.

use crate::registry::Registry;
#[cfg(not(feature = "stale-handle"))]
use crate::status::Result;
use crate::store::Store;
use std::sync::{Arc, Mutex};

#[cfg(not(feature = "stale-handle"))]
static STORES: Registry<Store> = Registry::new(1);

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

/// Where an iterator stands.
#[derive(Clone, Debug)]
pub enum Position {
    Start,
    After(Vec<u8>),
    End,
}

pub struct Scan {
    pub store: Arc<Store>,
    pub prefix: Vec<u8>,
    pub position: Mutex<Position>,
}

pub static SCANS: Registry<Scan> = Registry::new(2);
