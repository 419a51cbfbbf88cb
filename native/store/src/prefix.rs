//! The prefix of a scan: UTF-8 path segments, at most `MAX_DEPTH` of them.

#[cfg(not(all(feature = "panic-across-boundary", feature = "stack-overflow")))]
use crate::status::Error;
use crate::status::Result;

pub const MAX_DEPTH: usize = 4096;

/// Checks a prefix. Broken input is an error of the caller, and told as one.
#[cfg(not(feature = "panic-across-boundary"))]
pub fn parse_prefix(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|error| Error::InvalidArgument(format!("the prefix is not UTF-8: {error}")))
}

/// Twin: broken input is "impossible", and the panic meets a frame of C.
#[cfg(feature = "panic-across-boundary")]
#[inline(never)]
pub fn parse_prefix(bytes: &[u8]) -> Result<&str> {
    Ok(std::str::from_utf8(bytes).expect("scan prefix is UTF-8"))
}

/// How deep a prefix nests. Counted by a loop: depth is the caller's to choose, and stacks are not endless.
#[cfg(not(feature = "stack-overflow"))]
pub fn check_depth(prefix: &str) -> Result<usize> {
    let depth = prefix.split_terminator('/').count();
    if depth > MAX_DEPTH {
        return Err(Error::InvalidArgument(format!(
            "the prefix nests {depth} deep, at most {MAX_DEPTH} is allowed"
        )));
    }
    Ok(depth)
}

/// Twin: the natural recursion, one frame a segment, as deep as the caller likes.
#[cfg(feature = "stack-overflow")]
pub fn check_depth(prefix: &str) -> Result<usize> {
    Ok(descend_segment(prefix, 0)
        .iter()
        .map(|&b| b as usize)
        .sum::<usize>()
        .min(MAX_DEPTH))
}

#[cfg(feature = "stack-overflow")]
#[inline(never)]
fn descend_segment(rest: &str, depth: usize) -> [u8; 64] {
    let mut seen = [depth as u8; 64];
    if let Some((segment, rest)) = rest.split_once('/') {
        let below = descend_segment(rest, depth + 1);
        for (slot, value) in seen.iter_mut().zip(std::hint::black_box(below)) {
            *slot = slot.wrapping_add(value).wrapping_add(segment.len() as u8);
        }
    }
    std::hint::black_box(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_segments() {
        assert_eq!(check_depth("").unwrap(), 0);
        assert_eq!(check_depth("a/b/c").unwrap(), 3);
        assert_eq!(check_depth("a/b/").unwrap(), 2);
    }

    #[test]
    fn broken_input_is_an_error() {
        assert!(matches!(
            parse_prefix(&[0xff, 0xfe]),
            Err(Error::InvalidArgument(_))
        ));
        assert!(matches!(
            check_depth(&"a/".repeat(1 << 19)),
            Err(Error::InvalidArgument(_))
        ));
    }
}
