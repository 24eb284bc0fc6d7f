//! The RFC 9162 log over a store of nodes: appending, the root at any size, proofs and compact ranges.

use ddsx_types::Hash;

use crate::compact::{CompactRange, RangeError, cover, fold};
use crate::store::{MAX_TREE_SIZE, NodeStore, StoreError, node_count, position, size_at};

/// Why the log did not do it. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A compact range did not fit, or the tree would grow past [`MAX_TREE_SIZE`].
    #[error(transparent)]
    Range(#[from] RangeError),
    /// A leaf or size beyond the tree was asked for.
    #[error("{asked} lies beyond the tree of {size} leaves")]
    BeyondTree {
        /// What was asked for.
        asked: u64,
        /// The tree's size.
        size: u64,
    },
    /// Begin and end, or first and second size, are in the wrong order.
    #[error("{first} lies after {second}")]
    Order {
        /// The smaller one, by its place.
        first: u64,
        /// The larger one, by its place.
        second: u64,
    },
    /// The frontier is not one of a whole tree, or does not belong to these nodes.
    #[error("the frontier over [{begin}, {end}) does not belong to a store of {nodes} nodes")]
    Frontier {
        /// The frontier's begin, which must be 0.
        begin: u64,
        /// The frontier's end.
        end: u64,
        /// How many nodes the store holds.
        nodes: u64,
    },
}

/// One log: its nodes, and its frontier, the compact range over all its leaves.
#[derive(Clone, Debug)]
pub struct Log<S> {
    store: S,
    frontier: CompactRange,
}

impl<S: NodeStore> Log<S> {
    /// A log whose frontier was kept beside its nodes: reads nothing.
    ///
    /// # Errors
    /// [`LogError::Frontier`] if the frontier's size does not fit the number of nodes.
    pub fn new(store: S, frontier: CompactRange) -> Result<Self, LogError> {
        let nodes = store.count();
        if frontier.begin() != 0 || node_count(frontier.end()) != nodes {
            return Err(LogError::Frontier {
                begin: frontier.begin(),
                end: frontier.end(),
                nodes,
            });
        }
        Ok(Self { store, frontier })
    }

    /// A log from its nodes alone: reads the O(log n) nodes of the frontier.
    ///
    /// # Errors
    /// [`LogError::Frontier`] if no tree has written this number of nodes.
    pub fn restore(store: S) -> Result<Self, LogError> {
        let nodes = store.count();
        let size = size_at(nodes).ok_or(LogError::Frontier {
            begin: 0,
            end: 0,
            nodes,
        })?;
        let frontier = read_range(&store, 0, size)?;
        Ok(Self { store, frontier })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.frontier.end()
    }

    /// The tree's root.
    pub fn root(&self) -> Hash {
        // The frontier begins at 0, so that there is a root.
        self.frontier.root().unwrap_or_else(|_| crate::hash::empty_root())
    }

    /// The compact range over all leaves.
    pub fn frontier(&self) -> &CompactRange {
        &self.frontier
    }

    /// The nodes and the frontier, to be kept.
    pub fn into_parts(self) -> (S, CompactRange) {
        (self.store, self.frontier)
    }

    /// Adds a leaf by its hash and answers its index.
    ///
    /// # Errors
    /// [`LogError::Store`] if the store is full, [`LogError::Range`] if the tree is.
    pub fn append(&mut self, leaf_hash: Hash) -> Result<u64, LogError> {
        self.append_batch(&[leaf_hash]).map(|size| size - 1)
    }

    /// Adds leaves by their hashes, in one write, and answers the tree's new size.
    ///
    /// # Errors
    /// As [`Log::append`]; either all leaves are added or none.
    pub fn append_batch(&mut self, leaf_hashes: &[Hash]) -> Result<u64, LogError> {
        let mut frontier = self.frontier.clone();
        let mut nodes = Vec::with_capacity(2 * leaf_hashes.len() + 64);
        for hash in leaf_hashes {
            frontier.push(0, frontier.end(), *hash, &mut |node| nodes.push(node))?;
        }
        self.store.append(&nodes)?;
        self.frontier = frontier;
        Ok(self.size())
    }

    /// The hash of a leaf.
    ///
    /// # Errors
    /// [`LogError::BeyondTree`].
    pub fn leaf(&self, index: u64) -> Result<Hash, LogError> {
        if index >= self.size() {
            return Err(self.beyond(index));
        }
        Ok(self.store.read(position(0, index))?)
    }

    /// The root at an earlier size.
    ///
    /// # Errors
    /// [`LogError::BeyondTree`] for a size the tree has not reached.
    pub fn root_at(&self, size: u64) -> Result<Hash, LogError> {
        Ok(self.range(0, size)?.root()?)
    }

    /// The compact range over [begin, end). The left frontier of a pull is `range(0, from)`, the right one `range(to, size)`.
    ///
    /// # Errors
    /// [`LogError::BeyondTree`] or [`LogError::Order`].
    pub fn range(&self, begin: u64, end: u64) -> Result<CompactRange, LogError> {
        if end > self.size() {
            return Err(self.beyond(end));
        }
        if begin > end {
            return Err(LogError::Order {
                first: begin,
                second: end,
            });
        }
        if (begin, end) == (0, self.size()) {
            return Ok(self.frontier.clone());
        }
        read_range(&self.store, begin, end)
    }

    /// The inclusion proof of a leaf in the tree of `size` leaves: PATH of RFC 9162, section 2.1.3.1, from the leaf up.
    ///
    /// # Errors
    /// [`LogError::BeyondTree`] if the tree is not that large, [`LogError::Order`] if the leaf is not below `size`.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Hash>, LogError> {
        if size > self.size() {
            return Err(self.beyond(size));
        }
        if index >= size {
            return Err(LogError::Order {
                first: index,
                second: size,
            });
        }
        let mut proof = Vec::new();
        let (mut begin, mut end) = (0, size);
        while end - begin > 1 {
            let middle = begin + split(end - begin);
            if index < middle {
                proof.push(self.subtree_root(middle, end)?);
                end = middle;
            } else {
                proof.push(self.subtree_root(begin, middle)?);
                begin = middle;
            }
        }
        proof.reverse();
        Ok(proof)
    }

    /// The proof that the tree of `first` leaves is a prefix of the tree of `second`: PROOF of RFC 9162, section 2.1.4.1.
    /// Empty if the sizes are equal, or `first` is 0: the empty tree is a prefix of every one.
    ///
    /// # Errors
    /// [`LogError::BeyondTree`] or [`LogError::Order`].
    pub fn consistency_proof(&self, first: u64, second: u64) -> Result<Vec<Hash>, LogError> {
        if second > self.size() {
            return Err(self.beyond(second));
        }
        if first > second {
            return Err(LogError::Order { first, second });
        }
        let mut proof = Vec::new();
        if first == 0 {
            return Ok(proof);
        }
        let (mut begin, mut end) = (0, second);
        // SUBPROOF(m, D[n], b), with m = first − begin and n = end − begin; b holds while begin is 0.
        while first != end {
            let middle = begin + split(end - begin);
            if first <= middle {
                proof.push(self.subtree_root(middle, end)?);
                end = middle;
            } else {
                proof.push(self.subtree_root(begin, middle)?);
                begin = middle;
            }
        }
        if begin != 0 {
            proof.push(self.subtree_root(begin, end)?);
        }
        proof.reverse();
        Ok(proof)
    }

    /// The root over [begin, end), where `begin` is a multiple of a power of two that is no less than the length.
    fn subtree_root(&self, begin: u64, end: u64) -> Result<Hash, LogError> {
        let hashes = read_range(&self.store, begin, end)?.into_hashes();
        fold(hashes.into_iter().rev()).ok_or(LogError::Order {
            first: begin,
            second: end,
        })
    }

    fn beyond(&self, asked: u64) -> LogError {
        LogError::BeyondTree {
            asked,
            size: self.size(),
        }
    }
}

/// The largest power of two below n, for n of at least 2.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

fn read_range(store: &impl NodeStore, begin: u64, end: u64) -> Result<CompactRange, LogError> {
    if end > MAX_TREE_SIZE {
        return Err(RangeError::Bounds { begin, end }.into());
    }
    let hashes = cover(begin, end)
        .map(|(level, index)| store.read(position(level, index)))
        .collect::<Result<_, _>>()?;
    Ok(CompactRange::new(begin, end, hashes)?)
}
