//! The certified tip of the block log (ICRC-3, "Blocks Verification"): a hash tree of two labels, `last_block_hash` and
//! `last_block_index` (LEB128), whose root is the canister's certified data.
//!
//! The root is computed after every transaction, so it is computed without building the tree: eight compressions of SHA-256, most
//! of what they hash constant. [`tree`] builds the same tree for those who ask for the certificate.

use ic_certification::{HashTree, fork, label, leaf};

use crate::block::{Sha256Hash, leb128, sha256};

const LABEL_HASH: &str = "last_block_hash";
const LABEL_INDEX: &str = "last_block_index";

/// SHA-256 of a domain separator and what it separates (interface specification, "Certificates").
fn separated(domain: &str, parts: [&[u8]; 2]) -> Sha256Hash {
    let mut bytes = [0; 96];
    let mut length = 0;
    let domain_length = [u8::try_from(domain.len()).unwrap_or(u8::MAX)];
    for part in [&domain_length[..], domain.as_bytes(), parts[0], parts[1]] {
        bytes[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    sha256(&bytes[..length])
}

fn labeled_leaf(label: &str, content: &[u8]) -> Sha256Hash {
    let leaf = separated("ic-hashtree-leaf", [content, &[]]);
    separated("ic-hashtree-labeled", [label.as_bytes(), &leaf])
}

/// The root of the tree for a log whose last block has this index and hash.
pub fn root(index: u64, hash: &Sha256Hash) -> Sha256Hash {
    let (number, length) = leb128(index.into());
    separated(
        "ic-hashtree-fork",
        [
            &labeled_leaf(LABEL_HASH, hash),
            &labeled_leaf(LABEL_INDEX, &number[..length]),
        ],
    )
}

/// The tree for a log whose last block has this index and hash.
pub fn tree(index: u64, hash: &Sha256Hash) -> HashTree {
    let (number, length) = leb128(index.into());
    fork(
        label(LABEL_HASH, leaf(hash)),
        label(LABEL_INDEX, leaf(&number[..length])),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_certification::LookupResult;

    #[test]
    fn should_be_the_root_of_the_tree() {
        for index in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            for byte in [0, 7, 255] {
                let tree = tree(index, &[byte; 32]);
                assert_eq!(tree.digest(), root(index, &[byte; 32]), "block {index}");
            }
        }
        let tree = tree(300, &[7; 32]);
        assert_eq!(tree.lookup_path([LABEL_INDEX]), LookupResult::Found(&[0xac, 0x02]));
        assert_eq!(tree.lookup_path([LABEL_HASH]), LookupResult::Found(&[7; 32]));
    }
}
