//! Bytes that come or go piece by piece, and their content hash: the RFC 6962 Merkle tree hash over the pieces.
//!
//! Each piece is hashed when it arrives, so that no message hashes more than one, and what is kept between pieces
//! is a few hashes that survive an upgrade.

use ddsx_merkle_log::{CompactRange, leaf_hash};
use ddsx_types::Hash;
use ddsx_types::federated_aggregator::PIECE_BYTES;
use serde::{Deserialize, Serialize};

/// How far a run of bytes has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    total: u64,
    received: u64,
    pieces: CompactRange,
}

/// Why a piece does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceError {
    /// It must begin here.
    Offset(u64),
    /// It must be so long.
    Length(u64),
}

impl Content {
    /// Nothing received of so many bytes.
    pub fn new(total: u64) -> Self {
        Self {
            total,
            received: 0,
            pieces: CompactRange::empty_at(0),
        }
    }

    /// Bytes received.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Bytes in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether all are here.
    pub fn is_complete(&self) -> bool {
        self.received == self.total
    }

    /// Length of the next piece.
    pub fn next_len(&self) -> u64 {
        PIECE_BYTES.min(self.total - self.received)
    }

    /// Whether a piece at `offset` of so many bytes is the next.
    pub fn check(&self, offset: u64, length: u64) -> Result<(), PieceError> {
        if offset != self.received {
            return Err(PieceError::Offset(self.received));
        }
        if length != self.next_len() || length == 0 {
            return Err(PieceError::Length(self.next_len()));
        }
        Ok(())
    }

    /// Takes the next piece, which [`Content::check`] found right.
    ///
    /// Panics if it is not the next: the caller has checked.
    pub fn push(&mut self, piece: &[u8]) {
        assert_eq!(piece.len() as u64, self.next_len(), "the next piece");
        self.received += piece.len() as u64;
        let appended = self.pieces.append(leaf_hash(piece));
        assert!(appended.is_ok(), "more pieces than numbers");
    }

    /// The hash of what was received.
    ///
    /// Panics if there is none, which cannot be: a range that begins at zero has a root.
    pub fn hash(&self) -> Hash {
        match self.pieces.root() {
            Ok(root) => root,
            Err(error) => panic!("a range that begins at zero has a root: {error}"),
        }
    }
}

/// The content hash of bytes that are all here.
pub fn hash(bytes: &[u8]) -> Hash {
    let mut content = Content::new(bytes.len() as u64);
    for piece in bytes.chunks(usize::try_from(PIECE_BYTES).unwrap_or(usize::MAX)) {
        content.push(piece);
    }
    content.hash()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ddsx_merkle_log::{empty_root, node_hash};

    #[test]
    fn should_hash_as_a_merkle_tree_over_the_pieces() {
        let piece = usize::try_from(PIECE_BYTES).unwrap();
        let bytes = vec![7; piece * 2 + 5];
        let [one, rest] = [&bytes[..piece], &bytes[2 * piece..]].map(leaf_hash);
        assert_eq!(hash(&bytes), node_hash(&node_hash(&one, &one), &rest));
        assert_eq!(hash(&bytes[..5]), leaf_hash(&bytes[..5]));
        assert_eq!(hash(&[]), empty_root());
    }

    #[test]
    fn should_take_pieces_in_order_and_whole() {
        let mut content = Content::new(PIECE_BYTES + 3);
        assert_eq!(content.check(1, PIECE_BYTES), Err(PieceError::Offset(0)));
        assert_eq!(content.check(0, PIECE_BYTES - 1), Err(PieceError::Length(PIECE_BYTES)));
        assert_eq!(content.check(0, PIECE_BYTES), Ok(()));
        content.push(&vec![0; usize::try_from(PIECE_BYTES).unwrap()]);
        assert_eq!(content.check(0, PIECE_BYTES), Err(PieceError::Offset(PIECE_BYTES)));
        assert_eq!(content.check(PIECE_BYTES, 4), Err(PieceError::Length(3)));
        content.push(&[0; 3]);
        assert!(content.is_complete());
        assert_eq!(content.check(PIECE_BYTES + 3, 0), Err(PieceError::Length(0)));
    }
}
