//! How much the journal takes on, and how patient it is.

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 24 * 3_600 * SECOND;

/// Bounds of a journal. Each ledger has its own, so that one which is silent or dead takes nothing
/// from the others. Times are nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pending pulls of one caller at one ledger.
    pub pulls_per_caller: u64,
    /// Pending pulls at one ledger.
    pub pulls: u64,
    /// Pending pushes at one ledger.
    pub pushes: u64,
    /// Quarantined payments of one ledger. They count against nothing else; when there are so many,
    /// that ledger gets no new ones.
    pub quarantined: u64,
    /// Attempts under way at once at one ledger.
    pub in_flight: usize,
    /// Looks at a payer's means under way at once at one ledger; one of a caller.
    pub looks: usize,
    /// Intents that one timer message works on.
    pub slice: usize,
    /// From one attempt to the second; each later wait is twice as long …
    pub first_retry_ns: u64,
    /// … up to this.
    pub longest_retry_ns: u64,
    /// How long a payment that failed is remembered. Its request id may then be used again: nothing was charged.
    pub keep_failed_ns: u64,
    /// How many failed ones at most are remembered; beyond that the oldest go early.
    pub keep_failed: u64,
    /// How long a pull that was paid, and its request id, is remembered.
    pub keep_pulls_ns: u64,
    /// How long a push that was paid is remembered (the ledger has it for ever, under its memo).
    pub keep_pushes_ns: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pulls_per_caller: 10,
            pulls: 2_000,
            pushes: 2_000,
            quarantined: 5_000,
            in_flight: 50,
            looks: 400,
            slice: 20,
            first_retry_ns: 10 * SECOND,
            longest_retry_ns: 900 * SECOND,
            keep_failed_ns: DAY,
            keep_failed: 100_000,
            keep_pulls_ns: 3_660 * DAY,
            keep_pushes_ns: 7 * DAY,
        }
    }
}

impl Limits {
    /// How long to wait after so many attempts.
    pub(crate) fn back_off(&self, attempts: u32) -> u64 {
        let doublings = attempts.saturating_sub(1).min(40);
        self.first_retry_ns
            .saturating_mul(1 << doublings)
            .min(self.longest_retry_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_double_the_wait_up_to_the_longest() {
        let limits = Limits::default();
        let seconds: Vec<u64> = [0, 1, 2, 3, 7, 8, 1_000].map(|n| limits.back_off(n) / SECOND).to_vec();
        assert_eq!(seconds, [10, 10, 20, 40, 640, 900, 900]);
    }
}
