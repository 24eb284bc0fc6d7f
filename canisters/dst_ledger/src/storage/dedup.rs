//! What the ledger remembers of the transactions inside its window (ICRC-1, "Transaction deduplication").
//!
//! One sorted map, key `created_at_time` (8 bytes, big-endian) then the first 24 bytes of the transaction's hash, value
//! the block's index. Sorted by time, so what has left the window lies at the front. The number of entries is bounded.

use std::borrow::Cow;

use ic_stable_structures::{Memory, StableBTreeMap, Storable, storable::Bound};

use crate::block::Sha256Hash;

/// When the transaction was created and which it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct DedupKey([u8; 32]);

impl DedupKey {
    fn new(created_at_time: u64, transaction: &Sha256Hash) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&created_at_time.to_be_bytes());
        key[8..].copy_from_slice(&transaction[..24]);
        Self(key)
    }
}

impl Storable for DedupKey {
    const BOUND: Bound = Bound::Bounded {
        max_size: 32,
        is_fixed_size: true,
    };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        let mut key = [0; 32];
        key.copy_from_slice(&bytes);
        Self(key)
    }
}

/// The transactions of the window.
pub struct Dedup<M: Memory>(StableBTreeMap<DedupKey, u64, M>);

impl<M: Memory> Dedup<M> {
    pub(super) fn open(memory: M) -> Self {
        Self(StableBTreeMap::init(memory))
    }

    /// Entries held, those not pruned yet included.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The block that recorded this transaction.
    pub fn find(&self, created_at_time: u64, transaction: &Sha256Hash) -> Option<u64> {
        self.0.get(&DedupKey::new(created_at_time, transaction))
    }

    /// Remembers a transaction.
    pub fn insert(&mut self, created_at_time: u64, transaction: &Sha256Hash, block: u64) {
        self.0.insert(DedupKey::new(created_at_time, transaction), block);
    }

    /// Forgets at most `limit` transactions created before `cutoff` (nanoseconds); returns how many.
    pub fn prune(&mut self, cutoff: u64, limit: usize) -> usize {
        let end = DedupKey::new(cutoff, &[0; 32]);
        let old: Vec<DedupKey> = self.0.keys_range(..end).take(limit).collect();
        for key in &old {
            self.0.remove(key);
        }
        old.len()
    }
}
