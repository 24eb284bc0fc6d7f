//! Verification of inclusion proofs and consistency proofs: RFC 9162, sections 2.1.3.2 and 2.1.4.2.

use ddsx_types::Hash;

use crate::hash::{empty_root, node_hash};

/// What is wrong with a proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf does not lie in a tree of this size.
    #[error("leaf {index} does not lie in a tree of {size} leaves")]
    Index {
        /// The leaf's index.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The first tree is larger than the second.
    #[error("a tree of {first} leaves cannot be a prefix of one of {second}")]
    Sizes {
        /// Size of the earlier tree.
        first: u64,
        /// Size of the later tree.
        second: u64,
    },
    /// The sizes call for another number of hashes.
    #[error("the proof has {0} hashes, which is not the number these sizes call for")]
    Length(usize),
    /// The proof does not lead to the (first) tree's root.
    #[error("the proof does not lead to the root of the tree of {0} leaves")]
    Root(u64),
}

/// Checks that the leaf with this hash is number `index` of the tree of `size` leaves with this root.
///
/// # Errors
/// [`ProofError`] if it is not shown.
pub fn verify_inclusion(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Index { index, size });
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf_hash;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length(proof.len()));
        }
        if node % 2 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node.is_multiple_of(2) && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length(proof.len()));
    }
    if hash == *root {
        Ok(())
    } else {
        Err(ProofError::Root(size))
    }
}

/// Checks that the tree of `first` leaves with `first_root` is a prefix of the tree of `second` leaves with `second_root`.
///
/// # Errors
/// [`ProofError`] if it is not shown; [`ProofError::Root`] names the tree whose root the proof does not lead to.
pub fn verify_consistency(
    first: u64,
    second: u64,
    first_root: &Hash,
    second_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if first > second {
        return Err(ProofError::Sizes { first, second });
    }
    if first == 0 || first == second {
        let earlier = if first == 0 { &empty_root() } else { second_root };
        return if !proof.is_empty() {
            Err(ProofError::Length(proof.len()))
        } else if first_root == earlier {
            Ok(())
        } else {
            Err(ProofError::Root(first))
        };
    }
    let shift = first.trailing_zeros();
    let (mut node, mut last) = ((first - 1) >> shift, (second - 1) >> shift);
    // A first tree that is complete is its own starting point; else the proof begins with the subtree at its right edge.
    let (start, rest) = if first.is_power_of_two() {
        (first_root, proof)
    } else {
        proof.split_first().ok_or(ProofError::Length(0))?
    };
    let (mut earlier, mut later) = (*start, *start);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length(proof.len()));
        }
        if node % 2 == 1 || node == last {
            earlier = node_hash(sibling, &earlier);
            later = node_hash(sibling, &later);
            while node.is_multiple_of(2) && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            later = node_hash(&later, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length(proof.len()));
    }
    if earlier != *first_root {
        return Err(ProofError::Root(first));
    }
    if later != *second_root {
        return Err(ProofError::Root(second));
    }
    Ok(())
}
