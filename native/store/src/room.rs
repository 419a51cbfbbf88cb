//! For the twins that depend on where glibc puts a freed block: a place in the list of recently freed blocks that it keeps for each
//! thread and size. A host such as Node fills those lists, and then the block goes elsewhere and the twin dies differently, or not.

use std::hint::black_box;
use std::ptr::null_mut;

struct Block {
    next: *mut Block,
}

/// Blocks held back from the calling thread's list. While this lives, the next block of the size to be freed on this thread goes to
/// the list's front, and is the first to be given out again.
pub struct Room {
    held: *mut Block,
}

/// The bytes that a block really has. malloc makes it 16 larger than it was asked for when the rest would be too small to stand
/// alone, and such a block is freed to the list of another size.
///
/// # Safety
/// `block` comes from malloc and is not freed.
pub unsafe fn block_size(block: *const u8) -> usize {
    // SAFETY: by the contract above.
    unsafe { libc::malloc_usable_size(block.cast_mut().cast()) }
}

/// No allocator that keeps such lists needs more than two.
const TRIES: usize = 16;

impl Room {
    /// `len` is the size of the blocks in bytes, 8 or more.
    pub fn for_blocks_of(len: usize) -> Room {
        let mut room = Room { held: null_mut() };
        for _ in 0..TRIES {
            // SAFETY: the first block is freed once, and only its address is looked at afterwards; the second is large enough for a
            // `Block`, or null and left alone.
            let kept = unsafe {
                let first = black_box(libc::malloc(len));
                let address = first as usize;
                libc::free(first);
                let second = black_box(libc::malloc(len)).cast::<Block>();
                if second.is_null() {
                    break;
                }
                second.write(Block { next: room.held });
                room.held = second;
                second as usize == address
            };
            // What came back is what was just freed: so there was room for it, and there is again while it is held.
            if kept {
                break;
            }
        }
        room
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        while !self.held.is_null() {
            // SAFETY: the list is this value's own, and each block in it comes from malloc.
            unsafe {
                let next = (*self.held).next;
                libc::free(self.held.cast());
                self.held = next;
            }
        }
    }
}
