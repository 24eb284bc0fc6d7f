//! The hashes of the log: RFC 9162, section 2.1.1, with SHA-256.
//!
//! The first byte of what is hashed says what it is, so that no object can be passed off as one of another kind:
//! 0x00 a leaf, 0x01 a node, 0x02 a credits list, 0x03 a list of source ranges, 0x04 a head, 0x05 a contributor's label.

use ddsx_types::Hash;
use sha2::{Digest, Sha256};

const LEAF: u8 = 0x00;
const NODE: u8 = 0x01;
pub(crate) const CREDITS: u8 = 0x02;
pub(crate) const SOURCES: u8 = 0x03;
pub(crate) const HEAD: u8 = 0x04;
pub(crate) const LABEL: u8 = 0x05;

/// SHA-256 of the bytes as they are: how a payload is hashed.
pub fn sha256(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

/// SHA-256 of `prefix ‖ bytes`.
pub(crate) fn prefixed(prefix: u8, bytes: &[u8]) -> Hash {
    Hash(
        Sha256::new()
            .chain_update([prefix])
            .chain_update(bytes)
            .finalize()
            .into(),
    )
}

/// The hash of a leaf: SHA-256(0x00 ‖ leaf).
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    prefixed(LEAF, leaf)
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut input = [NODE; 65];
    input[1..33].copy_from_slice(&left.0);
    input[33..].copy_from_slice(&right.0);
    sha256(&input)
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}
