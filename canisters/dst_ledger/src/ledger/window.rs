//! The transaction window and its bounded memory (ICRC-1, "Transaction deduplication").

use candid::Principal;
use ddsx_hash_index::Vacancy;
use ic_stable_structures::Memory;
use icrc_ledger_types::icrc::generic_value::{ICRC3Map, ICRC3Value};

use super::Ledger;
use super::failure::Failure;
use crate::block::{Sha256Hash, decode, dedup_minter, dedup_tag, minters_hash};

/// How long a transaction is remembered: 24 h, in nanoseconds.
pub const TRANSACTION_WINDOW_NS: u64 = 24 * 60 * 60 * 1_000_000_000;
/// How far a caller's clock may be off: 2 min, in nanoseconds.
pub const PERMITTED_DRIFT_NS: u64 = 2 * 60 * 1_000_000_000;
/// Transactions remembered at most. Each has burnt a fee, or minted or burnt tokens; all together take below 1 GiB.
pub(super) const MAX_DEDUP_ENTRIES: u64 = 16_000_000;
/// What a call prunes itself when the memory is full and the timer has not been here yet.
const PRUNE_WHEN_FULL: u64 = 20;

/// Transactions created before this are too old at `now`.
pub(super) const fn cutoff(now: u64) -> u64 {
    now.saturating_sub(TRANSACTION_WINDOW_NS + PERMITTED_DRIFT_NS)
}

/// Refuses the anonymous principal, which may read and change nothing.
pub(super) fn refuse_anonymous(caller: Principal) -> Result<(), Failure> {
    if caller == Principal::anonymous() {
        Err(Failure::AnonymousCaller)
    } else {
        Ok(())
    }
}

/// Where the index will remember a transaction that it does not have.
#[derive(Clone, Copy)]
pub(super) struct Remember {
    /// The transaction's hash under the index's key; never 0, which in a stored block says that it is not remembered.
    pub tag: u64,
    pub vacancy: Vacancy,
    /// Who asked for it, of a `mint`: part of what is remembered, and of nothing else.
    pub minter: Option<Principal>,
}

impl<M: Memory> Ledger<M> {
    /// Checks a transaction against the window; does nothing without `created_at_time`. `hash` is what it is remembered by.
    pub(super) fn deduplicate(
        &mut self,
        created_at_time: Option<u64>,
        hash: &Sha256Hash,
        now: u64,
    ) -> Result<Option<Remember>, Failure> {
        let Some(created_at_time) = created_at_time else {
            return Ok(None);
        };
        if created_at_time < cutoff(now) {
            return Err(Failure::TooOld);
        }
        if created_at_time > now.saturating_add(PERMITTED_DRIFT_NS) {
            return Err(Failure::CreatedInFuture { ledger_time: now });
        }
        let tag = self.index_key.hash(hash).max(1);
        let find = |ledger: &Self| {
            ledger.storage.dedup.find(created_at_time, hash, tag, |block| {
                ledger.remembered_hash(block).as_ref() == Some(hash)
            })
        };
        let vacancy = match find(self) {
            Ok(duplicate_of) => return Err(Failure::Duplicate { duplicate_of }),
            Err(vacancy) => vacancy,
        };
        if self.storage.dedup.len(&self.totals) < self.max_dedup_entries {
            return Ok(Some(Remember {
                tag,
                vacancy,
                minter: None,
            }));
        }
        if self.forget(now, PRUNE_WHEN_FULL) == 0 {
            return Err(Failure::TemporarilyUnavailable);
        }
        // What was found before forgetting may have moved.
        match find(self) {
            Ok(duplicate_of) => Err(Failure::Duplicate { duplicate_of }),
            Err(vacancy) => Ok(Some(Remember {
                tag,
                vacancy,
                minter: None,
            })),
        }
    }

    /// Refuses what older code executed and remembers by another hash, `hash`: for a day after the upgrade from it. Its blocks are
    /// known by their `btype`, which it wrote into all.
    pub(super) fn refuse_done_by_older_code(
        &self,
        created_at_time: Option<u64>,
        hash: &Sha256Hash,
    ) -> Result<(), Failure> {
        let Some(created_at_time) = created_at_time else {
            return Ok(());
        };
        let tag = self.index_key.hash(hash).max(1);
        let found = self.storage.dedup.find(created_at_time, hash, tag, |block| {
            self.has_btype(block) && self.remembered_hash(block).as_ref() == Some(hash)
        });
        found.map_or(Ok(()), |duplicate_of| Err(Failure::Duplicate { duplicate_of }))
    }

    /// Forgets what has left the window, looking at no more than `limit` blocks and `limit` entries of version 1; returns how
    /// many it forgot or passed over.
    pub(super) fn forget(&mut self, now: u64, limit: u64) -> u64 {
        let legacy = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut done = self.storage.dedup.prune_legacy(cutoff(now), legacy) as u64;
        let end = self.totals.blocks.min(self.totals.dedup_start.saturating_add(limit));
        while self.totals.dedup_start < end {
            let block = self.totals.dedup_start;
            let stored = self.block(block).unwrap_or_default();
            // A transaction is created at most the drift after its block; so after the window and twice the drift, it is too old
            // whatever it says. Remembering the rest of those minutes costs nothing but room.
            let forgettable = timestamp(&stored)
                .is_none_or(|time| time.saturating_add(TRANSACTION_WINDOW_NS + 2 * PERMITTED_DRIFT_NS) < now);
            if !forgettable {
                break;
            }
            if let Ok(tag @ 1..) = dedup_tag(&stored) {
                self.storage.dedup.remove(tag, block, &mut self.totals);
            }
            self.totals.dedup_start += 1;
            done += 1;
        }
        if done > 0 {
            self.storage.totals.write(&self.totals);
        }
        done
    }

    /// What the transaction that a block records is remembered by.
    fn remembered_hash(&self, block: u64) -> Option<Sha256Hash> {
        let stored = self.block(block)?;
        let hash = fields(&stored)?.remove("tx").map(ICRC3Value::hash)?;
        Some(match dedup_minter(&stored).ok()? {
            Some(minter) => minters_hash(&hash, &minter),
            None => hash,
        })
    }

    fn has_btype(&self, block: u64) -> bool {
        let fields = self.block(block).and_then(|stored| fields(&stored));
        fields.is_some_and(|fields| fields.contains_key("btype"))
    }

    /// The memo limit of the settings, bytes.
    pub(super) fn check_memo(&self, memo: Option<&[u8]>) -> Result<(), Failure> {
        check_memo_length(memo, self.config.max_memo_length)
    }
}

/// A stored block's fields.
fn fields(stored: &[u8]) -> Option<ICRC3Map> {
    match decode(stored).ok()? {
        ICRC3Value::Map(fields) => Some(fields),
        _ => None,
    }
}

/// When a stored block was accepted, nanoseconds.
fn timestamp(stored: &[u8]) -> Option<u64> {
    match fields(stored)?.get("ts")? {
        ICRC3Value::Nat(time) => u64::try_from(&time.0).ok(),
        _ => None,
    }
}

/// Refuses a memo longer than `limit` bytes.
pub(super) fn check_memo_length(memo: Option<&[u8]>, limit: u16) -> Result<(), Failure> {
    match memo {
        Some(memo) if memo.len() > usize::from(limit) => Err(Failure::MemoTooLong {
            length: memo.len(),
            limit,
        }),
        _ => Ok(()),
    }
}
