//! Handles as numbers: generation, kind, slot. A stale, made-up or mixed-up handle is refused, never dereferenced.

use crate::status::{Error, Result};
use std::sync::{Arc, PoisonError, RwLock};

struct Slot<T> {
    generation: u32,
    value: Option<Arc<T>>,
}

pub struct Registry<T> {
    /// Tells the handles of one registry from those of another.
    kind: u8,
    slots: RwLock<Vec<Slot<T>>>,
}

impl<T> Registry<T> {
    pub const fn new(kind: u8) -> Self {
        Registry {
            kind,
            slots: RwLock::new(Vec::new()),
        }
    }

    pub fn insert(&self, value: T) -> u64 {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let free = slots.iter().position(|slot| slot.value.is_none());
        let index = free.unwrap_or_else(|| {
            slots.push(Slot {
                generation: 0,
                value: None,
            });
            slots.len() - 1
        });
        let slot = &mut slots[index];
        // Never 0: a small number, the commonest made-up handle, is then always refused.
        slot.generation = slot.generation.wrapping_add(1).max(1);
        slot.value = Some(Arc::new(value));
        u64::from(slot.generation) << 32 | u64::from(self.kind) << 24 | index as u64
    }

    pub fn get(&self, handle: u64) -> Result<Arc<T>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let (index, generation) = self.split(handle)?;
        let slot = slots.get(index).filter(|slot| slot.generation == generation);
        slot.and_then(|slot| slot.value.clone())
            .ok_or(Error::InvalidHandle)
    }

    pub fn remove(&self, handle: u64) -> Result<Arc<T>> {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let (index, generation) = self.split(handle)?;
        let slot = slots.get_mut(index).filter(|slot| slot.generation == generation);
        slot.and_then(|slot| slot.value.take())
            .ok_or(Error::InvalidHandle)
    }

    fn split(&self, handle: u64) -> Result<(usize, u32)> {
        if (handle >> 24) as u8 != self.kind {
            return Err(Error::InvalidHandle);
        }
        Ok(((handle & 0xff_ffff) as usize, (handle >> 32) as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_handle_is_refused_even_when_its_slot_is_used_again() {
        let registry = Registry::new(1);
        let first = registry.insert("a");
        assert_eq!(*registry.remove(first).unwrap(), "a");
        let second = registry.insert("b");
        assert_ne!(first, second);
        assert_eq!(registry.get(first).unwrap_err(), Error::InvalidHandle);
        assert_eq!(registry.remove(first).unwrap_err(), Error::InvalidHandle);
        assert_eq!(*registry.get(second).unwrap(), "b");
    }

    #[test]
    fn zero_and_made_up_handles_are_refused() {
        let registry = Registry::new(1);
        let real = registry.insert(());
        for handle in [0, 1, 7, 1 << 32, real + 1, real | 1 << 63, u64::MAX] {
            assert_eq!(registry.get(handle).unwrap_err(), Error::InvalidHandle);
        }
    }

    #[test]
    fn a_handle_of_another_kind_is_refused() {
        let (stores, scans) = (Registry::new(1), Registry::new(2));
        let (store, scan) = (stores.insert(()), scans.insert(()));
        assert_eq!(stores.get(scan).unwrap_err(), Error::InvalidHandle);
        assert_eq!(scans.remove(store).unwrap_err(), Error::InvalidHandle);
    }
}
