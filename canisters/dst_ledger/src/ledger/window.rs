//! The transaction window and its bounded memory (ICRC-1, "Transaction deduplication").

use candid::Principal;
use ic_stable_structures::Memory;

use super::Ledger;
use super::failure::Failure;
use crate::block::Sha256Hash;

/// How long a transaction is remembered: 24 h, in nanoseconds.
pub const TRANSACTION_WINDOW_NS: u64 = 24 * 60 * 60 * 1_000_000_000;
/// How far a caller's clock may be off: 2 min, in nanoseconds.
pub const PERMITTED_DRIFT_NS: u64 = 2 * 60 * 1_000_000_000;
/// Transactions remembered at most. Each has burnt a fee, or minted or burnt tokens; all together take below 2 GiB.
pub(super) const MAX_DEDUP_ENTRIES: u64 = 16_000_000;
/// What a call prunes itself when the memory is full and the timer has not been here yet.
const PRUNE_WHEN_FULL: usize = 20;

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

impl<M: Memory> Ledger<M> {
    /// Checks a transaction against the window; does nothing without `created_at_time`.
    pub(super) fn deduplicate(
        &mut self,
        created_at_time: Option<u64>,
        hash: &Sha256Hash,
        now: u64,
    ) -> Result<(), Failure> {
        let Some(created_at_time) = created_at_time else {
            return Ok(());
        };
        if created_at_time < cutoff(now) {
            return Err(Failure::TooOld);
        }
        if created_at_time > now.saturating_add(PERMITTED_DRIFT_NS) {
            return Err(Failure::CreatedInFuture { ledger_time: now });
        }
        if let Some(duplicate_of) = self.storage.dedup.find(created_at_time, hash) {
            return Err(Failure::Duplicate { duplicate_of });
        }
        if self.storage.dedup.len() >= self.max_dedup_entries
            && self.storage.dedup.prune(cutoff(now), PRUNE_WHEN_FULL) == 0
        {
            return Err(Failure::TemporarilyUnavailable);
        }
        Ok(())
    }

    /// The memo limit of the settings, bytes.
    pub(super) fn check_memo(&self, memo: Option<&[u8]>) -> Result<(), Failure> {
        check_memo_length(memo, self.config.max_memo_length)
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
