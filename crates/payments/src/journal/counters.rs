//! Numbers that the journal keeps.

/// What `/metrics` shows of a journal. All but `next_id` and the sums describe the present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The next intent's number; numbers are never used again.
    pub next_id: u64,
    /// Pulls without an outcome, quarantined ones included. Limits are counted by ledger instead:
    /// [`super::Open`].
    pub open_pulls: u64,
    /// Pushes without an outcome, quarantined ones included.
    pub open_pushes: u64,
    /// Quarantined ones.
    pub quarantined: u64,
    /// Failed ones still remembered.
    pub failed_kept: u64,
    /// Paid ones still remembered.
    pub paid_kept: u64,
    /// All that were ever paid.
    pub paid: u64,
    /// All that ever failed.
    pub failed: u64,
    /// All attempts ever begun.
    pub attempts: u64,
    /// Answers that say *paid* of an intent that had been settled as failed: must stay 0. Governance gave wrong evidence, or a
    /// ledger's listing is wrong.
    pub contradictions: u64,
}

impl Counters {
    pub(super) const FIELDS: usize = 10;

    pub(super) const fn to_array(self) -> [u64; Self::FIELDS] {
        [
            self.next_id,
            self.open_pulls,
            self.open_pushes,
            self.quarantined,
            self.failed_kept,
            self.paid_kept,
            self.paid,
            self.failed,
            self.attempts,
            self.contradictions,
        ]
    }

    pub(super) const fn from_array(values: [u64; Self::FIELDS]) -> Self {
        let [
            next_id,
            open_pulls,
            open_pushes,
            quarantined,
            failed_kept,
            paid_kept,
            paid,
            failed,
            attempts,
            contradictions,
        ] = values;
        Self {
            next_id,
            open_pulls,
            open_pushes,
            quarantined,
            failed_kept,
            paid_kept,
            paid,
            failed,
            attempts,
            contradictions,
        }
    }
}
