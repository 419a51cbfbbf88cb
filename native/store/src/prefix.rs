//! The prefix of a scan: UTF-8, segments separated by '/', at most `MAX_DEPTH` of them.

use crate::status::{Error, Result};

pub const MAX_DEPTH: usize = 4096;

/// Checks a prefix.
pub fn parse(bytes: &[u8]) -> Result<&str> {
    let text = parse_key_prefix(bytes)?;
    let depth = count_segments(text);
    if depth > MAX_DEPTH {
        return Err(Error::InvalidArgument(format!(
            "the prefix nests {depth} deep, at most {MAX_DEPTH} is allowed"
        )));
    }
    Ok(text)
}

/// Broken input is an error of the caller, and told as one.
pub fn parse_key_prefix(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|error| Error::InvalidArgument(format!("the prefix is not UTF-8: {error}")))
}

/// Twin: broken input is "impossible".
#[cfg(feature = "panic-across-boundary")]
pub mod trusting {
    #[inline(never)]
    pub fn parse_key_prefix(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).expect("a scan prefix is UTF-8")
    }
}

/// How deep a prefix nests. Counted by a loop: depth is the caller's to choose, and stacks are not endless.
#[cfg(not(feature = "stack-overflow"))]
fn count_segments(prefix: &str) -> usize {
    prefix.split_terminator('/').count()
}

/// Twin: the natural recursion, one frame a segment, as deep as the caller likes.
#[cfg(feature = "stack-overflow")]
fn count_segments(prefix: &str) -> usize {
    descend_segment(prefix.as_bytes()).depth
}

#[cfg(feature = "stack-overflow")]
struct Path {
    depth: usize,
    /// How many segments have each length, the last for all longer ones.
    lengths: [u32; 12],
}

#[cfg(feature = "stack-overflow")]
#[inline(never)]
fn descend_segment(rest: &[u8]) -> Path {
    if rest.is_empty() {
        return Path {
            depth: 0,
            lengths: [0; 12],
        };
    }
    let length = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
    // Not a tail call: what comes back is added to, or the compiler would make a loop of it, and a sound library of this.
    let mut path = std::hint::black_box(descend_segment(rest.get(length + 1..).unwrap_or_default()));
    path.depth += 1;
    path.lengths[length.min(11)] += 1;
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_segments() {
        for (prefix, depth) in [("", 0), ("a", 1), ("a/b/c", 3), ("a/b/", 2), ("//", 2)] {
            assert_eq!(count_segments(prefix), depth, "{prefix:?}");
        }
    }

    #[test]
    fn a_prefix_may_end_within_a_segment() {
        assert_eq!(parse("a/b/pre".as_bytes()), Ok("a/b/pre"));
    }

    #[test]
    fn broken_input_is_an_error() {
        assert!(matches!(parse(&[0xff, 0xfe]), Err(Error::InvalidArgument(_))));
        let deep = "a/".repeat(MAX_DEPTH + 1);
        assert!(matches!(parse(deep.as_bytes()), Err(Error::InvalidArgument(_))));
        assert!(parse(&deep.as_bytes()[2..]).is_ok());
    }
}
