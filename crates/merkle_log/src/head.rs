//! A stream's head: what the canister certifies of it.
//!
//! Version 1, all integers big-endian: `0x01`, tree size (8), timestamp in ns (8), root (32): 49 bytes. The canister's
//! certified tree holds, under the path `heads` / stream id as 8 bytes, big-endian, a leaf whose content is the 32 bytes of
//! SHA-256(0x04 ‖ encoding).

use candid::CandidType;
use ddsx_types::Hash;
use serde::{Deserialize, Serialize};

use crate::bytes::{Reader, Truncated};
use crate::hash::{HEAD, empty_root, prefixed};

/// The encoding's version.
pub const HEAD_VERSION: u8 = 1;
/// Bytes of an encoded head.
pub const HEAD_LEN: usize = 49;
/// The label of the certified tree under which heads lie.
pub const HEADS_LABEL: &[u8] = b"heads";

/// The label of one stream below [`HEADS_LABEL`]: its id, big-endian, so that labels sort as the ids do.
pub const fn stream_label(stream: u64) -> [u8; 8] {
    stream.to_be_bytes()
}

/// The state of one stream's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Serialize, Deserialize)]
pub struct Head {
    /// How many chunks the log holds.
    pub tree_size: u64,
    /// The tree's root at that size.
    pub root: Hash,
    /// When the registry last appended, ns since the Unix epoch; for an empty stream, when it was created.
    pub timestamp: u64,
}

/// Why bytes are not a head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not [`HEAD_LEN`] bytes.
    #[error("a head has {HEAD_LEN} bytes, not {0}")]
    Length(usize),
    /// A version this library does not know.
    #[error("the head's version is {0}, known is {HEAD_VERSION}")]
    Version(u8),
    /// A tree without leaves has one root only.
    #[error("the head's tree is empty, but its root is not the empty tree's")]
    EmptyRoot,
}

impl From<ddsx_types::stream_registry::Head> for Head {
    fn from(head: ddsx_types::stream_registry::Head) -> Self {
        Self {
            tree_size: head.tree_size,
            root: head.root,
            timestamp: head.timestamp,
        }
    }
}

impl From<Head> for ddsx_types::stream_registry::Head {
    fn from(head: Head) -> Self {
        Self {
            tree_size: head.tree_size,
            root: head.root,
            timestamp: head.timestamp,
        }
    }
}

impl Head {
    /// The head of a log without chunks.
    pub fn empty(timestamp: u64) -> Self {
        Self {
            tree_size: 0,
            root: empty_root(),
            timestamp,
        }
    }

    /// The canonical bytes.
    pub fn encode(&self) -> [u8; HEAD_LEN] {
        let mut out = [HEAD_VERSION; HEAD_LEN];
        out[1..9].copy_from_slice(&self.tree_size.to_be_bytes());
        out[9..17].copy_from_slice(&self.timestamp.to_be_bytes());
        out[17..].copy_from_slice(&self.root.0);
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`HeadError`] for another length or version, or an empty tree with a root that is not its own.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeadError> {
        let truncated = |Truncated| HeadError::Length(bytes.len());
        let mut reader = Reader::new(bytes);
        let version = reader.u8().map_err(truncated)?;
        if version != HEAD_VERSION {
            return Err(HeadError::Version(version));
        }
        let tree_size = reader.u64().map_err(truncated)?;
        let timestamp = reader.u64().map_err(truncated)?;
        let root = reader.hash().map_err(truncated)?;
        if reader.left() != 0 {
            return Err(HeadError::Length(bytes.len()));
        }
        if tree_size == 0 && root != empty_root() {
            return Err(HeadError::EmptyRoot);
        }
        Ok(Self {
            tree_size,
            root,
            timestamp,
        })
    }

    /// SHA-256(0x04 ‖ encoding): the content of the certified leaf.
    pub fn hash(&self) -> Hash {
        prefixed(HEAD, &self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_back_what_was_written() {
        for head in [
            Head::empty(7),
            Head {
                tree_size: u64::MAX,
                root: Hash([5; 32]),
                timestamp: 1,
            },
        ] {
            assert_eq!(Head::decode(&head.encode()), Ok(head));
        }
    }

    #[test]
    fn should_refuse_other_bytes() {
        let bytes = Head::empty(7).encode();
        for end in 1..bytes.len() {
            assert_eq!(Head::decode(&bytes[..end]), Err(HeadError::Length(end)));
        }
        let mut other = bytes;
        other[0] = 9;
        assert_eq!(Head::decode(&other), Err(HeadError::Version(9)));
        let mut other = bytes;
        other[48] ^= 1;
        assert_eq!(Head::decode(&other), Err(HeadError::EmptyRoot));
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(Head::decode(&longer), Err(HeadError::Length(50)));
    }

    #[test]
    fn should_sort_stream_labels_as_the_ids() {
        assert!(stream_label(255) < stream_label(256));
    }
}
