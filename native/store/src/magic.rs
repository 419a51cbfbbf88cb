//! Twin: blocks begin with a magic number, compared sixteen bytes at once by a load that wants them aligned. The header asks no
//! alignment of a host's buffer. The cure is not to read wider than what was promised, or by a load that takes any address.

use crate::status::{Error, Result};

const LEN: usize = 16;
/// Smaller values are no blocks.
const BLOCK_LEN: usize = 64;
const NEXT_VERSION: [u8; LEN] = [0xff; LEN];

#[inline(never)]
pub fn check(value: &[u8]) -> Result<()> {
    if value.len() >= BLOCK_LEN && read(value) == NEXT_VERSION {
        return Err(Error::InvalidArgument(
            "value: a block of the next version".into(),
        ));
    }
    Ok(())
}

#[cfg(target_arch = "x86_64")]
#[inline(never)]
fn read(block: &[u8]) -> [u8; LEN] {
    use std::arch::x86_64::_mm_load_si128;
    // SAFETY: there is none unless the host happens to have aligned its buffer to 16 bytes.
    unsafe { std::mem::transmute(_mm_load_si128(block.as_ptr().cast())) }
}

#[cfg(not(target_arch = "x86_64"))]
fn read(block: &[u8]) -> [u8; LEN] {
    block[..LEN].try_into().expect("sixteen of sixty-four")
}
