//! The records of the map's nodes: 96 bytes each.
//!
//! | tag | what | bytes after the tag |
//! |---|---|---|
//! | 0 | free | next free slot (8) |
//! | 1 | leaf | key length (1), value (32), key (62, the rest 0) |
//! | 2 | fork | bit (2), left slot (8), right slot (8), left hash (32), right hash (32) |
//!
//! Integers are little-endian. A fork keeps the hashes of both its subtrees, so that a change reads and writes the nodes of
//! one path and no sibling.

use ddsx_types::Hash;

use super::hashing::{TreeHash, fork_hash, labeled_hash, leaf_content_hash};

/// Bytes of a record.
pub const RECORD_LEN: usize = 96;
/// The longest key.
pub const MAX_KEY_LEN: usize = 62;

/// The bytes of one slot.
pub type Record = [u8; RECORD_LEN];

const FREE: u8 = 0;
const LEAF: u8 = 1;
const FORK: u8 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LeafNode {
    pub(super) key: Vec<u8>,
    pub(super) value: Hash,
}

/// Keys that share all bits before `bit`; those whose `bit` is 0 lie on the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ForkNode {
    pub(super) bit: u16,
    pub(super) slots: [u64; 2],
    pub(super) hashes: [TreeHash; 2],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Free(u64),
    Leaf(LeafNode),
    Fork(ForkNode),
}

impl LeafNode {
    pub(super) fn hash(&self) -> TreeHash {
        labeled_hash(&self.key, &leaf_content_hash(&self.value.0))
    }
}

impl ForkNode {
    pub(super) fn hash(&self) -> TreeHash {
        fork_hash(&self.hashes[0], &self.hashes[1])
    }
}

fn u64_at(record: &Record, at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| record[at + i]))
}

fn hash_at(record: &Record, at: usize) -> [u8; 32] {
    std::array::from_fn(|i| record[at + i])
}

impl Node {
    pub(super) fn encode(&self) -> Record {
        let mut record = [0; RECORD_LEN];
        match self {
            Self::Free(next) => {
                record[0] = FREE;
                record[1..9].copy_from_slice(&next.to_le_bytes());
            }
            Self::Leaf(leaf) => {
                record[0] = LEAF;
                record[1] = u8::try_from(leaf.key.len()).expect("keys have at most 62 bytes");
                record[2..34].copy_from_slice(&leaf.value.0);
                record[34..34 + leaf.key.len()].copy_from_slice(&leaf.key);
            }
            Self::Fork(fork) => {
                record[0] = FORK;
                record[1..3].copy_from_slice(&fork.bit.to_le_bytes());
                record[3..11].copy_from_slice(&fork.slots[0].to_le_bytes());
                record[11..19].copy_from_slice(&fork.slots[1].to_le_bytes());
                record[19..51].copy_from_slice(&fork.hashes[0]);
                record[51..83].copy_from_slice(&fork.hashes[1]);
            }
        }
        record
    }

    /// `None` if the record is none that [`Node::encode`] writes.
    pub(super) fn decode(record: &Record) -> Option<Self> {
        match record[0] {
            FREE => Some(Self::Free(u64_at(record, 1))),
            LEAF => {
                let length = usize::from(record[1]);
                let key = record.get(34..34 + length)?.to_vec();
                Some(Self::Leaf(LeafNode {
                    key,
                    value: Hash(hash_at(record, 2)),
                }))
            }
            FORK => Some(Self::Fork(ForkNode {
                bit: u16::from_le_bytes([record[1], record[2]]),
                slots: [u64_at(record, 3), u64_at(record, 11)],
                hashes: [hash_at(record, 19), hash_at(record, 51)],
            })),
            _ => None,
        }
    }
}
