//! Twin: the handle is the address of a boxed session. That saves a lookup, and after close it points to whatever came next.
//! The cure is `handles`: a handle is a number, looked up and checked.

use crate::room::{Room, block_size};
use crate::status::{Error, Result};
use crate::store::Store;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, PoisonError};

const BLOCK_WORDS: usize = 120;

struct Block {
    words: [u64; BLOCK_WORDS],
}

#[repr(C)]
struct Session {
    /// The hot block, whose checksum guards each access.
    block: *const Block,
    checksum: u64,
    store: ManuallyDrop<Arc<Store>>,
    name: [u8; 960],
}

/// What close leaves behind in the journal.
static JOURNAL: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Kind, three bytes of sequence, length of the text, three of padding: read as a pointer, an address that nothing is mapped at.
const HEADER: [u8; 8] = [0xb1, 0x91, 0x90, 0x58, CLOSED.len() as u8, 0, 0, 0];
const CLOSED: &[u8; 24] = b"store closed by the host";

/// Of the size of the session's block, so that the allocator gives out the very memory that the session left.
fn closing_record(size: usize) -> Vec<u8> {
    let mut record = Vec::with_capacity(size);
    record.extend_from_slice(&HEADER);
    record.extend_from_slice(CLOSED);
    record
}

pub fn insert(store: Store) -> u64 {
    let block = Box::new(Block {
        words: std::array::from_fn(|i| i as u64),
    });
    let checksum = block.words.iter().fold(0, |sum, word| sum ^ word);
    let session = Box::new(Session {
        block: Box::into_raw(block),
        checksum,
        store: ManuallyDrop::new(Arc::new(store)),
        name: [b' '; 960],
    });
    Box::into_raw(session) as u64
}

#[inline(never)]
pub fn get(handle: u64) -> Result<Arc<Store>> {
    if handle == 0 {
        return Err(Error::InvalidHandle);
    }
    // SAFETY: there is none once the handle was closed.
    read_block(unsafe { &*(handle as *const Session) })
}

#[inline(never)]
fn read_block(session: &Session) -> Result<Arc<Store>> {
    if block_checksum(session.block) != session.checksum {
        return Err(Error::Storage("checksum of the hot block".into()));
    }
    Ok(Arc::clone(&session.store))
}

#[inline(never)]
fn block_checksum(block: *const Block) -> u64 {
    let (mut sum, mut i) = (0, 0);
    while i < BLOCK_WORDS {
        // SAFETY: there is none once the handle was closed.
        sum ^= unsafe { (*block).words[i] };
        i += 1;
    }
    sum
}

pub fn remove(handle: u64) -> Result<Arc<Store>> {
    let store = get(handle)?;
    let mut journal = JOURNAL.lock().unwrap_or_else(PoisonError::into_inner);
    // Before the free: no other memory is to be asked for between it and its reuse.
    journal.reserve(1);
    // SAFETY: the handle is a block of malloc's: `get` has just read through it.
    let size = unsafe { block_size(handle as *const u8) };
    let _room = Room::for_blocks_of(size);
    // SAFETY: the handle was open: `get` has just read through it.
    drop_session(unsafe { Box::from_raw(handle as *mut Session) });
    journal.push(closing_record(size));
    Ok(store)
}

#[inline(never)]
fn drop_session(mut session: Box<Session>) {
    // SAFETY: both are dropped once: the session goes right after.
    unsafe {
        drop(Box::from_raw(session.block.cast_mut()));
        ManuallyDrop::drop(&mut session.store);
    }
}
