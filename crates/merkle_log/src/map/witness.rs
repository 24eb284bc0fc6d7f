//! Witnesses: the map's hash tree with everything pruned but what shows the keys asked for.

use std::collections::BTreeMap;

use ic_certification::{HashTree, fork, label, leaf, pruned};

use super::{MapError, MapStore, MerkleMap, Node, TreeHash, bit_of, first_difference};
use crate::map::hashing::leaf_content_hash;
use crate::map::node::LeafNode;

/// A key to be shown: its value too, or only that it is there, as a neighbour of one that is not.
type Shown = BTreeMap<Vec<u8>, bool>;

impl<S: MapStore> MerkleMap<S> {
    /// The witness of these keys. A key that is there shows with its value, a leaf of 32 bytes; a key that is not is shown to
    /// be absent by its neighbours, with nothing pruned in between. Its digest is [`MerkleMap::root_hash`].
    ///
    /// # Errors
    /// [`MapError::Prefix`] for a key that is the beginning of one that is there, or the other way round.
    pub fn witness<K: AsRef<[u8]>>(&self, keys: &[K]) -> Result<HashTree, MapError> {
        if self.is_empty() {
            return Ok(ic_certification::empty());
        }
        let mut shown = Shown::new();
        for key in keys {
            let key = key.as_ref();
            let (path, _, found) = self.descend(key)?;
            if found.key == key {
                shown.insert(found.key, true);
                continue;
            }
            let bit = first_difference(key, &found.key).ok_or(MapError::Prefix)?;
            // Below this point all keys lie on one side of the absent one.
            let above = path.partition_point(|(_, fork, _)| fork.bit < bit);
            let subtree = path
                .get(above)
                .map_or_else(|| self.slot_of(&path), |(slot, _, _)| *slot);
            let side = bit_of(key, bit);
            let mut neighbours = vec![self.outermost(subtree, side)?];
            // The neighbour on the other side lies beyond the last fork at which the way went there.
            let turn = path[..above].iter().rev().find(|(_, _, taken)| *taken != side);
            if let Some((_, fork, _)) = turn {
                neighbours.push(self.outermost(fork.slots[side], 1 - side)?);
            }
            for neighbour in neighbours {
                shown.entry(neighbour.key).or_insert(false);
            }
        }
        let shown: Vec<_> = shown.iter().map(|(key, value)| (key.as_slice(), *value)).collect();
        self.reveal(self.header.root, &self.header.root_hash, &shown)
    }

    /// The slot of the leaf at which a path ends.
    fn slot_of(&self, path: &[(u64, super::ForkNode, usize)]) -> u64 {
        path.last()
            .map_or(self.header.root, |(_, fork, side)| fork.slots[*side])
    }

    /// The first (side 0) or last (side 1) leaf below a node.
    fn outermost(&self, mut slot: u64, side: usize) -> Result<LeafNode, MapError> {
        loop {
            match self.node(slot)? {
                Node::Fork(fork) => slot = fork.slots[side],
                Node::Leaf(leaf) => return Ok(leaf),
                Node::Free(_) => return Err(MapError::Corrupt(slot)),
            }
        }
    }

    /// The tree below a node, with the keys of `shown`, all of which lie there, in order.
    fn reveal(&self, slot: u64, hash: &TreeHash, shown: &[(&[u8], bool)]) -> Result<HashTree, MapError> {
        let Some((_, with_value)) = shown.first() else {
            return Ok(pruned(*hash));
        };
        match self.node(slot)? {
            Node::Leaf(found) => {
                let content = if *with_value {
                    leaf(found.value.0.to_vec())
                } else {
                    pruned(leaf_content_hash(&found.value.0))
                };
                Ok(label(found.key, content))
            }
            Node::Fork(node) => {
                let middle = shown.partition_point(|(key, _)| bit_of(key, node.bit) == 0);
                let (left, right) = shown.split_at(middle);
                Ok(fork(
                    self.reveal(node.slots[0], &node.hashes[0], left)?,
                    self.reveal(node.slots[1], &node.hashes[1], right)?,
                ))
            }
            Node::Free(_) => Err(MapError::Corrupt(slot)),
        }
    }
}
