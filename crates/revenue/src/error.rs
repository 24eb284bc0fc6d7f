//! What can go wrong, and what an invariant found broken.

use primitive_types::U256;

/// Why nothing was done. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevenueError {
    /// Shares are basis points, at most 10,000.
    #[error("a share of {0} basis points is more than the whole")]
    Share(u16),
    /// The pool would owe more than 2¹²⁸ − 1: more than any ledger can hold.
    #[error("the pool would owe more than an amount can say")]
    TooMuchOwed,
    /// The weights would sum to more than 2⁶⁴ − 1.
    #[error("the weights would sum to more than 2^64 - 1")]
    TooMuchWeight,
    /// A payout of more than is due.
    #[error("{asked} was to be paid, {due} is due")]
    NotDue {
        /// The payout.
        asked: u128,
        /// What is due.
        due: u128,
    },
    /// A payout was to be ended that was not begun.
    #[error("a payout of {asked} was to be ended, {in_flight} is in flight")]
    NotInFlight {
        /// The payout.
        asked: u128,
        /// What is in flight.
        in_flight: u128,
    },
    /// The ledger's fee is more than the payout it was taken from.
    #[error("a ledger fee of {fee} cannot be taken from a payout of {amount}")]
    FeeAboveAmount {
        /// The payout.
        amount: u128,
        /// The fee.
        fee: u128,
    },
    /// The weight given is not the one under which the pool distributed: a position would be due more than there is.
    #[error("the weights do not fit what was distributed")]
    Weights,
}

/// Why bytes are not a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A version this library does not know.
    #[error("unknown record version {0}")]
    Version(u8),
    /// A byte is missing or left over.
    #[error("a record of version {version} has {expected} bytes, not {got}")]
    Length {
        /// The record's version.
        version: u8,
        /// Its length.
        expected: usize,
        /// The bytes' number.
        got: usize,
    },
    /// No bytes at all.
    #[error("the record is empty")]
    Empty,
}

/// An invariant that does not hold: a bug, or storage that was tampered with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// What was received is not where it must be.
    #[error("received {received}, but accounted for {accounted}")]
    Received {
        /// All that was received.
        received: U256,
        /// Paid, due, in flight, held and carried together.
        accounted: U256,
    },
    /// The positions' shares and the carried remainder do not sum to what was distributed, in units of 2⁻¹²⁸.
    #[error("carried {carried}, but the positions' shares and the remainder are {shares} (in units of 2^-128)")]
    Carried {
        /// What the pool says is carried.
        carried: U256,
        /// The positions' pending shares and the remainder; `U256::MAX` if they do not fit.
        shares: U256,
    },
    /// What the positions are due, in flight and paid does not sum to the pool's total.
    #[error("the positions' {what} sum to {positions}, the pool says {pool}")]
    Contributors {
        /// Which sum.
        what: &'static str,
        /// The positions' sum.
        positions: U256,
        /// The pool's.
        pool: U256,
    },
    /// The contributors' weights do not sum to the total kept.
    #[error("the contributors' weights sum to {sum}, the total kept is {total}")]
    Weights {
        /// The sum.
        sum: u128,
        /// The total kept.
        total: u64,
    },
}
