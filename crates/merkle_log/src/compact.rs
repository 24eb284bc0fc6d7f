//! Compact ranges: the fewest hashes that stand for the leaves [begin, end).
//!
//! A range is covered, from left to right, by the largest complete subtrees that fit and are aligned; a compact range
//! holds their roots, at most 2 · log₂ of the length. Two neighbouring ranges merge into the range over both without any other
//! hash. So whoever holds the range [0, n) extends it by the leaves it receives and compares the root, and needs no proof; who
//! starts in the middle is given the range on the left, and who stops short of the head the range on the right.

use candid::CandidType;
use ddsx_types::Hash;
use serde::{Deserialize, Serialize};

use crate::bytes::{Reader, Truncated};
use crate::hash::{empty_root, node_hash};
use crate::store::MAX_TREE_SIZE;

/// The encoding's version.
pub const RANGE_VERSION: u8 = 1;

/// The roots of the complete subtrees that cover the leaves [begin, end).
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct CompactRange {
    begin: u64,
    end: u64,
    hashes: Vec<Hash>,
}

#[derive(Deserialize)]
struct Unchecked {
    begin: u64,
    end: u64,
    hashes: Vec<Hash>,
}

impl TryFrom<Unchecked> for CompactRange {
    type Error = RangeError;

    fn try_from(range: Unchecked) -> Result<Self, RangeError> {
        Self::new(range.begin, range.end, range.hashes)
    }
}

/// Why something is not a compact range, or ranges do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The end lies before the begin, or past the largest tree.
    #[error("[{begin}, {end}) is not a range of leaves")]
    Bounds {
        /// First leaf.
        begin: u64,
        /// One past the last leaf.
        end: u64,
    },
    /// The bounds call for another number of hashes.
    #[error("the range [{begin}, {end}) is covered by {expected} hashes, not {got}")]
    HashCount {
        /// First leaf.
        begin: u64,
        /// One past the last leaf.
        end: u64,
        /// How many subtrees cover it.
        expected: usize,
        /// How many hashes there are.
        got: usize,
    },
    /// The second range does not begin where the first one ends.
    #[error("a range that begins at {right} does not continue one that ends at {left}")]
    NotAdjacent {
        /// Where the first one ends.
        left: u64,
        /// Where the second one begins.
        right: u64,
    },
    /// Only a range that begins at 0 has a root.
    #[error("a range that begins at {0} has no root of a tree")]
    NoRoot(u64),
    /// The bytes are not an encoded range.
    #[error("the bytes are not an encoded compact range")]
    Encoding,
}

/// The complete subtrees that cover [begin, end), from left to right, each as (level, index).
pub(crate) fn cover(begin: u64, end: u64) -> impl Iterator<Item = (u32, u64)> {
    let mut at = begin;
    std::iter::from_fn(move || {
        (at < end).then(|| {
            let level = at.trailing_zeros().min((end - at).ilog2());
            let index = at >> level;
            at += 1 << level;
            (level, index)
        })
    })
}

impl CompactRange {
    /// The range without leaves at `begin`, at most [`MAX_TREE_SIZE`].
    pub const fn empty_at(begin: u64) -> Self {
        Self {
            begin,
            end: begin,
            hashes: Vec::new(),
        }
    }

    /// A range from its hashes.
    ///
    /// # Errors
    /// [`RangeError::Bounds`] or [`RangeError::HashCount`]: whether the hashes are right shows only against a root.
    pub fn new(begin: u64, end: u64, hashes: Vec<Hash>) -> Result<Self, RangeError> {
        if begin > end || end > MAX_TREE_SIZE {
            return Err(RangeError::Bounds { begin, end });
        }
        let expected = cover(begin, end).count();
        if hashes.len() != expected {
            return Err(RangeError::HashCount {
                begin,
                end,
                expected,
                got: hashes.len(),
            });
        }
        Ok(Self { begin, end, hashes })
    }

    /// The first leaf.
    pub const fn begin(&self) -> u64 {
        self.begin
    }

    /// One past the last leaf.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// The subtrees' roots, from left to right.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The hashes alone, as they go over the wire.
    pub fn into_hashes(self) -> Vec<Hash> {
        self.hashes
    }

    /// Adds the next leaf.
    ///
    /// # Errors
    /// [`RangeError::Bounds`] past [`MAX_TREE_SIZE`].
    pub fn append(&mut self, leaf_hash: Hash) -> Result<(), RangeError> {
        self.push(0, self.end, leaf_hash, &mut |_| ())
    }

    /// Adds the range that follows.
    ///
    /// # Errors
    /// [`RangeError::NotAdjacent`] if it begins elsewhere than where this one ends.
    pub fn extend(&mut self, right: &Self) -> Result<(), RangeError> {
        if right.begin != self.end {
            return Err(RangeError::NotAdjacent {
                left: self.end,
                right: right.begin,
            });
        }
        for ((level, index), hash) in cover(right.begin, right.end).zip(&right.hashes) {
            self.push(level, index, *hash, &mut |_| ())?;
        }
        Ok(())
    }

    /// Adds the complete subtree (level, index), which begins where this range ends, and merges it with what stands to its left
    /// for as long as the two make a complete subtree. `written` sees the hash itself and then each merged one.
    pub(crate) fn push(
        &mut self,
        mut level: u32,
        mut index: u64,
        mut hash: Hash,
        written: &mut impl FnMut(Hash),
    ) -> Result<(), RangeError> {
        let end = self.end + (1 << level);
        if end > MAX_TREE_SIZE {
            return Err(RangeError::Bounds { begin: self.begin, end });
        }
        written(hash);
        while index % 2 == 1 && (index - 1) << level >= self.begin {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
            level += 1;
            index /= 2;
            written(hash);
        }
        self.hashes.push(hash);
        self.end = end;
        Ok(())
    }

    /// The root of the tree over [0, end).
    ///
    /// # Errors
    /// [`RangeError::NoRoot`] if the range does not begin at 0.
    pub fn root(&self) -> Result<Hash, RangeError> {
        if self.begin != 0 {
            return Err(RangeError::NoRoot(self.begin));
        }
        Ok(fold(self.hashes.iter().copied().rev()).unwrap_or_else(empty_root))
    }

    /// The canonical bytes: version 0x01, begin and end (8 each, big-endian), the hashes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(17 + 32 * self.hashes.len());
        out.push(RANGE_VERSION);
        out.extend_from_slice(&self.begin.to_be_bytes());
        out.extend_from_slice(&self.end.to_be_bytes());
        for hash in &self.hashes {
            out.extend_from_slice(&hash.0);
        }
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`RangeError`] if they are not exactly one range.
    pub fn decode(bytes: &[u8]) -> Result<Self, RangeError> {
        let mut reader = Reader::new(bytes);
        let encoding = |Truncated| RangeError::Encoding;
        if reader.u8().map_err(encoding)? != RANGE_VERSION {
            return Err(RangeError::Encoding);
        }
        let begin = reader.u64().map_err(encoding)?;
        let end = reader.u64().map_err(encoding)?;
        let mut hashes = Vec::with_capacity(reader.left() / 32);
        while reader.left() > 0 {
            hashes.push(reader.hash().map_err(encoding)?);
        }
        Self::new(begin, end, hashes)
    }
}

/// The root over subtrees given from right to left; `None` for none.
pub(crate) fn fold(from_the_right: impl Iterator<Item = Hash>) -> Option<Hash> {
    from_the_right.reduce(|right, left| node_hash(&left, &right))
}
