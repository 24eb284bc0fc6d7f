//! What the ledger remembers of the transactions inside its window (ICRC-1, "Transaction deduplication").
//!
//! A keyed index from a transaction's hash to its block ([`ddsx_hash_index`]). The stored block carries the tag under which the
//! index has it, so that the log itself is the queue of what to forget: blocks are accepted in order of time, and
//! [`Totals::dedup_start`] says how far the queue has been emptied. The number of entries is bounded by the ledger.
//!
//! Version 1 had a B-tree, key `created_at_time` (8 bytes, big-endian) then the first 24 bytes of the transaction's hash, value
//! the block's index. It is asked until the window has passed and it is empty.

use std::borrow::Cow;

use ddsx_hash_index::{HashIndex, Vacancy};
use ic_stable_structures::{Memory, StableBTreeMap, Storable, storable::Bound};

use super::Totals;
use crate::block::Sha256Hash;

/// When the transaction was created and which it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct LegacyKey([u8; 32]);

impl LegacyKey {
    fn new(created_at_time: u64, transaction: &Sha256Hash) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&created_at_time.to_be_bytes());
        key[8..].copy_from_slice(&transaction[..24]);
        Self(key)
    }
}

impl Storable for LegacyKey {
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
pub struct Dedup<M: Memory> {
    legacy: StableBTreeMap<LegacyKey, u64, M>,
    index: HashIndex<M>,
}

impl<M: Memory> Dedup<M> {
    pub(super) fn open(legacy: M, index: M) -> Result<Self, String> {
        Ok(Self {
            legacy: StableBTreeMap::init(legacy),
            index: HashIndex::open(index)
                .map_err(|error| format!("deduplication index: {error}"))?
                .with_splits_put_off(),
        })
    }

    /// Entries held, those not pruned yet included.
    pub fn len(&self, totals: &Totals) -> u64 {
        self.legacy.len() + totals.dedup_entries
    }

    /// Entries that version 1 left and that are not pruned yet.
    pub fn legacy_len(&self) -> u64 {
        self.legacy.len()
    }

    /// The block that recorded this transaction, or where to remember it. `tag` is its hash under the index's key; `is_it` says
    /// whether a block records the very transaction.
    pub fn find(
        &self,
        created_at_time: u64,
        transaction: &Sha256Hash,
        tag: u64,
        is_it: impl FnMut(u64) -> bool,
    ) -> Result<u64, Vacancy> {
        let vacancy = match self.index.find_or_vacancy(tag, is_it) {
            Ok(block) => return Ok(block),
            Err(vacancy) => vacancy,
        };
        if self.legacy.is_empty() {
            return Err(vacancy);
        }
        self.legacy
            .get(&LegacyKey::new(created_at_time, transaction))
            .ok_or(vacancy)
    }

    /// Remembers a transaction at the place where [`Dedup::find`] did not find it.
    pub fn insert(&mut self, vacancy: Vacancy, block: u64, totals: &mut Totals) {
        self.index.insert_at(vacancy, block);
        totals.dedup_entries += 1;
    }

    /// Splits of the index that transactions have put off.
    pub const fn owed_splits(&self) -> u64 {
        self.index.owed_splits()
    }

    /// Does at most `limit` of them; returns how many.
    pub fn settle_splits(&mut self, limit: u64) -> u64 {
        self.index.settle(limit)
    }

    /// Forgets the transaction of a block.
    pub fn remove(&mut self, tag: u64, block: u64, totals: &mut Totals) {
        if self.index.remove(tag, |candidate| candidate == block).is_some() {
            totals.dedup_entries -= 1;
        }
    }

    /// Forgets at most `limit` of version 1's transactions created before `cutoff` (nanoseconds); returns how many.
    pub fn prune_legacy(&mut self, cutoff: u64, limit: usize) -> usize {
        let end = LegacyKey::new(cutoff, &[0; 32]);
        let old: Vec<LegacyKey> = self.legacy.keys_range(..end).take(limit).collect();
        for key in &old {
            self.legacy.remove(key);
        }
        old.len()
    }
}
