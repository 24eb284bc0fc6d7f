//! Content hashes of files that travel in pieces: the RFC 6962 Merkle tree hash over the pieces.

use ddsx_merkle_log::{CompactRange, Hash, leaf_hash};
use ddsx_types::federated_aggregator::{FileDigest, PIECE_BYTES};

/// Bytes of a piece, for cutting slices.
pub const PIECE: usize = 260 * 4_096;
const _: () = assert!(PIECE as u64 == PIECE_BYTES);

/// A content hash that grows piece by piece.
#[derive(Clone, Debug)]
pub struct ContentHasher {
    total: u64,
    received: u64,
    pieces: CompactRange,
}

impl ContentHasher {
    /// Of a file of so many bytes, none of which is here.
    pub fn new(total: u64) -> Self {
        Self {
            total,
            received: 0,
            pieces: CompactRange::empty_at(0),
        }
    }

    /// Bytes that are here.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Bytes that the next piece must have; 0 at the end.
    pub fn next_len(&self) -> u64 {
        PIECE_BYTES.min(self.total - self.received)
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// The length that it must have, if it has another.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), u64> {
        let expected = self.next_len();
        if piece.len() as u64 != expected || expected == 0 || self.pieces.append(leaf_hash(piece)).is_err() {
            return Err(expected);
        }
        self.received += expected;
        Ok(())
    }

    /// The hash of what is here.
    pub fn hash(&self) -> Hash {
        // A range that begins at zero has a root.
        self.pieces.root().unwrap_or_default()
    }
}

/// The content hash of a whole file.
pub fn content_hash(bytes: &[u8]) -> Hash {
    let mut hasher = ContentHasher::new(bytes.len() as u64);
    for piece in bytes.chunks(PIECE) {
        // Cut as it must be: no piece is refused.
        let _ = hasher.push(piece);
    }
    hasher.hash()
}

/// Length and content hash of a whole file.
pub fn digest(bytes: &[u8]) -> FileDigest {
    FileDigest {
        bytes: bytes.len() as u64,
        hash: content_hash(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ddsx_merkle_log::{empty_root, node_hash};

    #[test]
    fn should_hash_as_a_merkle_tree_over_the_pieces() {
        let bytes = vec![7; PIECE * 2 + 5];
        let [one, rest] = [&bytes[..PIECE], &bytes[2 * PIECE..]].map(leaf_hash);
        assert_eq!(content_hash(&bytes), node_hash(&node_hash(&one, &one), &rest));
        assert_eq!(content_hash(&bytes[..5]), leaf_hash(&bytes[..5]));
        assert_eq!(content_hash(&[]), empty_root());
        assert_eq!(digest(&bytes).bytes, bytes.len() as u64);
    }

    #[test]
    fn should_take_whole_pieces_only() {
        let mut hasher = ContentHasher::new(PIECE_BYTES + 3);
        assert_eq!(hasher.push(&[0; 9]), Err(PIECE_BYTES));
        assert_eq!(hasher.push(&vec![0; PIECE]), Ok(()));
        assert_eq!(hasher.push(&[0; 4]), Err(3));
        assert_eq!(hasher.push(&[0; 3]), Ok(()));
        assert_eq!((hasher.received(), hasher.push(&[])), (PIECE_BYTES + 3, Err(0)));
    }
}
