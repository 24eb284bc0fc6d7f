//! Where the nodes of one log lie: an append-only array of hashes.
//!
//! Every complete subtree's root is written once, at the moment its last leaf is appended, and never again. In this order
//! (post-order) the node of level *l* and index *k* has a place that follows from *l* and *k* alone, so that any node is one
//! read, an append writes one contiguous run at the end, and neighbours in time are neighbours in memory.

use ddsx_types::Hash;

/// The largest tree: 2⁴⁰ leaves, more than stable memory can hold.
pub const MAX_TREE_SIZE: u64 = 1 << 40;

/// The nodes of one log.
pub trait NodeStore {
    /// How many nodes were written.
    fn count(&self) -> u64;

    /// The node at a position below [`NodeStore::count`].
    ///
    /// # Errors
    /// [`StoreError::Missing`] if nothing was written there.
    fn read(&self, position: u64) -> Result<Hash, StoreError>;

    /// Writes nodes at the end: all of them or none.
    ///
    /// # Errors
    /// [`StoreError::Full`] if the memory cannot grow.
    fn append(&mut self, nodes: &[Hash]) -> Result<(), StoreError>;
}

/// Why a store did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written at this position.
    #[error("the store has no node at position {0}")]
    Missing(u64),
    /// The memory cannot grow.
    #[error("the store's memory cannot grow")]
    Full,
    /// The memory holds something else, or another version of the layout.
    #[error("the memory does not hold this store (found {found:02x?})")]
    Foreign {
        /// The memory's first bytes.
        found: [u8; 8],
    },
}

impl NodeStore for Vec<Hash> {
    fn count(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, position: u64) -> Result<Hash, StoreError> {
        usize::try_from(position)
            .ok()
            .and_then(|position| self.get(position).copied())
            .ok_or(StoreError::Missing(position))
    }

    fn append(&mut self, nodes: &[Hash]) -> Result<(), StoreError> {
        self.extend_from_slice(nodes);
        Ok(())
    }
}

/// How many nodes a tree of `size` leaves has written. `size` is at most [`MAX_TREE_SIZE`].
pub(crate) fn node_count(size: u64) -> u64 {
    2 * size - u64::from(size.count_ones())
}

/// The tree size at which exactly `count` nodes are written; `None` if there is none.
pub(crate) fn size_at(count: u64) -> Option<u64> {
    // 2n − 64 ≤ nodes(n) ≤ 2n, and nodes(n) grows with n: at most a few dozen steps.
    let mut size = count / 2;
    while size <= MAX_TREE_SIZE && node_count(size) < count {
        size += 1;
    }
    (size <= MAX_TREE_SIZE && node_count(size) == count).then_some(size)
}

/// The position of the root of the complete subtree over the leaves [index · 2^level, (index + 1) · 2^level).
pub(crate) fn position(level: u32, index: u64) -> u64 {
    let last_leaf = ((index + 1) << level) - 1;
    node_count(last_leaf) + u64::from(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_give_every_node_a_place_of_its_own_in_the_order_of_writing() {
        let mut next = 0;
        for leaf in 0..2_000_u64 {
            assert_eq!(node_count(leaf), next);
            assert_eq!(size_at(next), Some(leaf));
            for level in 0..=(leaf + 1).trailing_zeros() {
                assert_eq!(position(level, leaf >> level), next);
                next += 1;
            }
        }
    }

    #[test]
    fn should_know_counts_that_no_size_has() {
        assert_eq!(size_at(2), None);
        assert_eq!(size_at(5), None);
        assert_eq!(size_at(u64::MAX), None);
        assert_eq!(size_at(node_count(MAX_TREE_SIZE)), Some(MAX_TREE_SIZE));
    }
}
