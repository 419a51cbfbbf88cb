//! Handles as numbers: slot and generation. A stale or made-up handle is refused, never dereferenced.

use crate::status::{Error, Result};
use std::sync::{Arc, RwLock};

struct Slot<T> {
    generation: u32,
    value: Option<Arc<T>>,
}

pub struct Registry<T> {
    slots: RwLock<Vec<Slot<T>>>,
}

impl<T> Registry<T> {
    pub const fn new() -> Self {
        Registry {
            slots: RwLock::new(Vec::new()),
        }
    }

    pub fn insert(&self, value: T) -> u64 {
        let mut slots = self
            .slots
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let value = Some(Arc::new(value));
        if let Some((i, slot)) = slots
            .iter_mut()
            .enumerate()
            .find(|(_, slot)| slot.value.is_none())
        {
            slot.generation = slot.generation.wrapping_add(1).max(1);
            slot.value = value;
            return handle(i, slot.generation);
        }
        slots.push(Slot { generation: 1, value });
        handle(slots.len() - 1, 1)
    }

    pub fn get(&self, handle: u64) -> Result<Arc<T>> {
        let slots = self.slots.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (index, generation) = split(handle);
        let slot = slots.get(index).filter(|slot| slot.generation == generation);
        slot.and_then(|slot| slot.value.clone())
            .ok_or(Error::InvalidHandle)
    }

    pub fn remove(&self, handle: u64) -> Result<Arc<T>> {
        let mut slots = self
            .slots
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let (index, generation) = split(handle);
        let slot = slots.get_mut(index).filter(|slot| slot.generation == generation);
        slot.and_then(|slot| slot.value.take())
            .ok_or(Error::InvalidHandle)
    }
}

fn handle(index: usize, generation: u32) -> u64 {
    (u64::from(generation) << 32) | (index as u64 + 1)
}

fn split(handle: u64) -> (usize, u32) {
    ((handle as u32 as usize).wrapping_sub(1), (handle >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_handle_is_refused_even_when_its_slot_is_used_again() {
        let registry = Registry::new();
        let first = registry.insert("a");
        registry.remove(first).unwrap();
        let second = registry.insert("b");
        assert_ne!(first, second);
        assert_eq!(registry.get(first).unwrap_err(), Error::InvalidHandle);
        assert_eq!(*registry.get(second).unwrap(), "b");
    }

    #[test]
    fn zero_and_made_up_handles_are_refused() {
        let registry: Registry<()> = Registry::new();
        for handle in [0, 1, 7, u64::MAX] {
            assert_eq!(registry.get(handle).unwrap_err(), Error::InvalidHandle);
        }
    }
}
