//! The hashes of the Internet Computer's hash trees (interface specification, "Certification": domain separators).

use sha2::{Digest, Sha256};

/// A hash of the hash tree, as `ic-certification` and `certified_data_set` take it.
pub type TreeHash = [u8; 32];

fn domain(separator: &str) -> Sha256 {
    let length = u8::try_from(separator.len()).expect("separators are short");
    Sha256::new().chain_update([length]).chain_update(separator.as_bytes())
}

/// The hash of a tree without content.
pub fn empty_hash() -> TreeHash {
    domain("ic-hashtree-empty").finalize().into()
}

/// The hash of a fork.
pub fn fork_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    domain("ic-hashtree-fork")
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The hash of a labelled subtree.
pub fn labeled_hash(label: &[u8], content: &TreeHash) -> TreeHash {
    domain("ic-hashtree-labeled")
        .chain_update(label)
        .chain_update(content)
        .finalize()
        .into()
}

/// The hash of a leaf's content.
pub fn leaf_content_hash(content: &[u8]) -> TreeHash {
    domain("ic-hashtree-leaf").chain_update(content).finalize().into()
}
