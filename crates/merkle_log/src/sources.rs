//! What a derived chunk was computed from: ranges of other streams, which its leaf commits to by their hash.
//!
//! Version 1, all integers big-endian: `0x01`, the number of ranges (2 bytes), then for each, strictly ascending by its own
//! bytes: registry's principal (1 byte of length, then up to 29), stream id (8), first sequence (8), end, not included
//! (8), and the root of that stream's tree at size *end* (32), which pins the content even against a source that
//! rewrites its history. The hash is SHA-256(0x03 ‖ encoding).

use candid::Principal;
use ddsx_types::Hash;

use crate::hash::{SOURCES, prefixed};

/// The encoding's version.
pub const SOURCES_VERSION: u8 = 1;

/// A range of chunks of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRange {
    /// The registry canister that holds the stream.
    pub registry: Principal,
    /// The stream's id there.
    pub stream: u64,
    /// The first chunk used.
    pub begin: u64,
    /// One past the last chunk used; above `begin`.
    pub end: u64,
    /// The root of the source's tree at size `end`.
    pub root: Hash,
}

/// Why a list of source ranges is not canonical.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourcesError {
    /// A derived chunk cites at least one range.
    #[error("no source range is cited")]
    Empty,
    /// More ranges than the count's two bytes can say.
    #[error("more than {max} source ranges are cited", max = u16::MAX)]
    TooMany,
    /// A range holds no chunk.
    #[error("source range {0} is empty")]
    EmptyRange(usize),
    /// The ranges do not ascend strictly.
    #[error("source range {0} is out of order or cited twice")]
    Order(usize),
}

/// The list's canonical bytes.
///
/// # Errors
/// [`SourcesError`] if the list is empty, too long, out of order, or has an empty range.
pub fn encode_sources(sources: &[SourceRange]) -> Result<Vec<u8>, SourcesError> {
    if sources.is_empty() {
        return Err(SourcesError::Empty);
    }
    let count = u16::try_from(sources.len()).map_err(|_| SourcesError::TooMany)?;
    let mut out = vec![SOURCES_VERSION];
    out.extend_from_slice(&count.to_be_bytes());
    let mut previous = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        if source.begin >= source.end {
            return Err(SourcesError::EmptyRange(number));
        }
        let entry = encode_range(source);
        if previous >= entry {
            return Err(SourcesError::Order(number));
        }
        out.extend_from_slice(&entry);
        previous = entry;
    }
    Ok(out)
}

fn encode_range(source: &SourceRange) -> Vec<u8> {
    let registry = source.registry.as_slice();
    let length = u8::try_from(registry.len()).expect("a principal has at most 29 bytes");
    let mut out = vec![length];
    out.extend_from_slice(registry);
    out.extend_from_slice(&source.stream.to_be_bytes());
    out.extend_from_slice(&source.begin.to_be_bytes());
    out.extend_from_slice(&source.end.to_be_bytes());
    out.extend_from_slice(&source.root.0);
    out
}

/// The list's hash, as it stands in a derived stream's leaf: SHA-256(0x03 ‖ encoding).
///
/// # Errors
/// As [`encode_sources`].
pub fn sources_hash(sources: &[SourceRange]) -> Result<Hash, SourcesError> {
    Ok(prefixed(SOURCES, &encode_sources(sources)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(stream: u64, begin: u64, end: u64) -> SourceRange {
        SourceRange {
            registry: Principal::from_slice(&[1, 2, 3]),
            stream,
            begin,
            end,
            root: Hash([9; 32]),
        }
    }

    #[test]
    fn should_encode_each_field_once() {
        let bytes = encode_sources(&[range(5, 6, 7)]).unwrap();
        let mut expected = vec![1, 0, 1, 3, 1, 2, 3];
        for number in [5_u64, 6, 7] {
            expected.extend_from_slice(&number.to_be_bytes());
        }
        expected.extend_from_slice(&[9; 32]);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn should_refuse_lists_that_are_not_canonical() {
        let cases = [
            (vec![], SourcesError::Empty),
            (vec![range(1, 2, 2)], SourcesError::EmptyRange(0)),
            (vec![range(1, 0, 2), range(1, 0, 2)], SourcesError::Order(1)),
            (vec![range(2, 0, 2), range(1, 0, 2)], SourcesError::Order(1)),
            (vec![range(1, 0, 1); 65_536], SourcesError::TooMany),
        ];
        for (list, error) in cases {
            assert_eq!(encode_sources(&list), Err(error));
        }
    }
}
