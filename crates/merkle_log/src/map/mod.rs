//! An authenticated map from keys to 32-byte hashes whose nodes lie in stable memory.
//!
//! The map is a hash tree of the Internet Computer (interface specification, "Certification"): a labelled leaf for each
//! entry, in the keys' order, joined by forks. Its witnesses are what `ic-certification` and every agent verify. Root and
//! nodes are stored, so that after an upgrade nothing is rebuilt.
//!
//! The forks form a crit-bit trie: each one stands for the first bit in which the keys below it differ. So the tree follows from
//! its entries alone, whatever their order of arrival; it needs no rebalancing; and it is as deep as the keys have bits that
//! matter, about log₂ n for ids that are counted up or hashed. A change touches the nodes of one path.
//!
//! Keys have 1 to 62 bytes and none is the beginning of another, as is so for keys of one length.

mod hashing;
mod node;
mod store;
#[cfg(test)]
mod tests;
mod witness;

pub use hashing::{TreeHash, empty_hash, fork_hash, labeled_hash, leaf_content_hash};
pub use node::{MAX_KEY_LEN, RECORD_LEN, Record};
pub use store::{MapStore, StableMapStore, VecMapStore};

use ddsx_types::Hash;
use node::{ForkNode, LeafNode, Node};

use crate::store::StoreError;

/// Why the map did not do it. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// The store is full, or holds something else.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key has no bytes or more than 62.
    #[error("a key has 1 to {MAX_KEY_LEN} bytes, not {0}")]
    KeyLength(usize),
    /// One key would be the beginning of another.
    #[error("the key is the beginning of another one, or another one is its beginning")]
    Prefix,
    /// A slot does not hold what its parent says.
    #[error("slot {0} of the map does not hold a node")]
    Corrupt(u64),
}

const MAGIC: [u8; 8] = *b"DDSXMAP\x01";

/// Slot 0: magic and version, root slot (0: none), number of entries, first slot never used, first free slot (0: none), root hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    root: u64,
    entries: u64,
    next: u64,
    free: u64,
    root_hash: TreeHash,
}

impl Header {
    fn encode(&self) -> Record {
        let mut record = [0; RECORD_LEN];
        record[..8].copy_from_slice(&MAGIC);
        for (at, number) in [self.root, self.entries, self.next, self.free].iter().enumerate() {
            record[8 + 8 * at..16 + 8 * at].copy_from_slice(&number.to_le_bytes());
        }
        record[40..72].copy_from_slice(&self.root_hash);
        record
    }

    fn decode(record: &Record) -> Result<Self, StoreError> {
        let found: [u8; 8] = std::array::from_fn(|i| record[i]);
        if found != MAGIC {
            return Err(StoreError::Foreign { found });
        }
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| record[8 + 8 * at + i]));
        Ok(Self {
            root: number(0),
            entries: number(1),
            next: number(2),
            free: number(3),
            root_hash: std::array::from_fn(|i| record[40 + i]),
        })
    }
}

/// The way from the root to a node: forks with their slots, and the side taken at each.
type Path = Vec<(u64, ForkNode, usize)>;

/// The map. It keeps its header in memory besides, nothing else.
pub struct MerkleMap<S> {
    store: S,
    header: Header,
}

impl<S: MapStore> MerkleMap<S> {
    /// Opens the map that a store holds, or makes one in a new store: one read, however large the map is.
    ///
    /// # Errors
    /// [`MapError::Store`] if the store is full or holds something else.
    pub fn init(mut store: S) -> Result<Self, MapError> {
        if store.is_new() {
            let header = Header {
                root: 0,
                entries: 0,
                next: 1,
                free: 0,
                root_hash: empty_hash(),
            };
            store.reserve(1)?;
            store.write(0, &header.encode());
            return Ok(Self { store, header });
        }
        let header = Header::decode(&store.read(0))?;
        Ok(Self { store, header })
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.header.entries
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.header.entries == 0
    }

    /// The root of the hash tree, as stored.
    pub fn root_hash(&self) -> TreeHash {
        self.header.root_hash
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`MapError::Corrupt`] only.
    pub fn get(&self, key: &[u8]) -> Result<Option<Hash>, MapError> {
        if self.is_empty() {
            return Ok(None);
        }
        let (_, _, leaf) = self.descend(key)?;
        Ok((leaf.key == key).then_some(leaf.value))
    }

    /// Sets the value of a key and answers the one before it.
    ///
    /// # Errors
    /// [`MapError::KeyLength`], [`MapError::Prefix`], [`MapError::Store`] if the store is full.
    pub fn insert(&mut self, key: &[u8], value: Hash) -> Result<Option<Hash>, MapError> {
        if key.is_empty() || key.len() > MAX_KEY_LEN {
            return Err(MapError::KeyLength(key.len()));
        }
        let new = LeafNode {
            key: key.to_vec(),
            value,
        };
        let hash = new.hash();
        if self.is_empty() {
            let slot = self.allocate::<1>()?[0];
            self.store.write(slot, &Node::Leaf(new).encode());
            self.header.entries = 1;
            self.replace(&mut Vec::new(), slot, hash);
            return Ok(None);
        }
        let (mut path, slot, leaf) = self.descend(key)?;
        if leaf.key == key {
            if leaf.value != value {
                self.store.write(slot, &Node::Leaf(new).encode());
                self.replace(&mut path, slot, hash);
            }
            return Ok(Some(leaf.value));
        }
        let bit = first_difference(key, &leaf.key).ok_or(MapError::Prefix)?;
        let [leaf_slot, fork_slot] = self.allocate()?;
        // The new fork goes above the first node that tells keys apart by a later bit.
        let above = path.partition_point(|(_, fork, _)| fork.bit < bit);
        let (sibling_slot, sibling_hash) = match path.get(above) {
            Some((slot, fork, _)) => (*slot, fork.hash()),
            None => (slot, leaf.hash()),
        };
        path.truncate(above);
        let fork = if bit_of(key, bit) == 0 {
            ForkNode {
                bit,
                slots: [leaf_slot, sibling_slot],
                hashes: [hash, sibling_hash],
            }
        } else {
            ForkNode {
                bit,
                slots: [sibling_slot, leaf_slot],
                hashes: [sibling_hash, hash],
            }
        };
        self.store.write(leaf_slot, &Node::Leaf(new).encode());
        self.store.write(fork_slot, &Node::Fork(fork).encode());
        self.header.entries += 1;
        self.replace(&mut path, fork_slot, fork.hash());
        Ok(None)
    }

    /// Removes a key and answers the value it had.
    ///
    /// # Errors
    /// [`MapError::Corrupt`] only.
    pub fn remove(&mut self, key: &[u8]) -> Result<Option<Hash>, MapError> {
        if self.is_empty() {
            return Ok(None);
        }
        let (mut path, slot, leaf) = self.descend(key)?;
        if leaf.key != key {
            return Ok(None);
        }
        self.header.entries -= 1;
        self.release(slot);
        match path.pop() {
            None => self.replace(&mut path, 0, empty_hash()),
            Some((fork_slot, fork, side)) => {
                self.release(fork_slot);
                self.replace(&mut path, fork.slots[1 - side], fork.hashes[1 - side]);
            }
        }
        Ok(Some(leaf.value))
    }

    /// Puts a node where the path ends, renews the hashes on the way to the root, and stores the header.
    fn replace(&mut self, path: &mut Path, mut slot: u64, mut hash: TreeHash) {
        while let Some((fork_slot, mut fork, side)) = path.pop() {
            fork.slots[side] = slot;
            fork.hashes[side] = hash;
            self.store.write(fork_slot, &Node::Fork(fork).encode());
            slot = fork_slot;
            hash = fork.hash();
        }
        self.header.root = slot;
        self.header.root_hash = hash;
        self.store.write(0, &self.header.encode());
    }

    /// Takes slots, freed ones first. The header is stored by [`MerkleMap::replace`].
    fn allocate<const N: usize>(&mut self) -> Result<[u64; N], MapError> {
        let mut header = self.header;
        let mut slots = [0; N];
        for slot in &mut slots {
            if header.free == 0 {
                *slot = header.next;
                header.next += 1;
            } else {
                *slot = header.free;
                header.free = match Node::decode(&self.store.read(header.free)) {
                    Some(Node::Free(next)) => next,
                    _ => return Err(MapError::Corrupt(header.free)),
                };
            }
        }
        self.store.reserve(header.next)?;
        self.header = header;
        Ok(slots)
    }

    fn release(&mut self, slot: u64) {
        self.store.write(slot, &Node::Free(self.header.free).encode());
        self.header.free = slot;
    }

    /// From the root of a map that is not empty to the leaf whose key shares the longest beginning with this one.
    fn descend(&self, key: &[u8]) -> Result<(Path, u64, LeafNode), MapError> {
        let mut path = Vec::with_capacity(32);
        let mut slot = self.header.root;
        loop {
            match self.node(slot)? {
                Node::Fork(fork) => {
                    let side = bit_of(key, fork.bit);
                    path.push((slot, fork, side));
                    slot = fork.slots[side];
                }
                Node::Leaf(leaf) => return Ok((path, slot, leaf)),
                Node::Free(_) => return Err(MapError::Corrupt(slot)),
            }
        }
    }

    fn node(&self, slot: u64) -> Result<Node, MapError> {
        if slot == 0 || slot >= self.header.next {
            return Err(MapError::Corrupt(slot));
        }
        Node::decode(&self.store.read(slot)).ok_or(MapError::Corrupt(slot))
    }
}

/// A bit of a key, the highest bit of the first byte being number 0; bits past the key's end are 0.
fn bit_of(key: &[u8], bit: u16) -> usize {
    key.get(usize::from(bit / 8))
        .map_or(0, |byte| usize::from(byte >> (7 - bit % 8) & 1))
}

/// The first bit in which two keys differ; `None` if one is the other's beginning.
fn first_difference(a: &[u8], b: &[u8]) -> Option<u16> {
    let (at, different) = a
        .iter()
        .zip(b)
        .map(|(a, b)| a ^ b)
        .enumerate()
        .find(|(_, different)| *different != 0)?;
    u16::try_from(at * 8)
        .ok()
        .map(|bits| bits + u16::try_from(different.leading_zeros()).unwrap_or(0))
}
