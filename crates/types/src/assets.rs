//! The ledgers in which DDSX takes and pays money.

use candid::{CandidType, Nat, Principal};
use serde::{Deserialize, Serialize};

/// A listed ICRC-2 ledger, with what the payments journal must know of it. Governance lists it; nobody else.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct AssetListing {
    /// The ledger canister. It must deduplicate transactions by `created_at_time` and memo (ICRC-1).
    pub ledger: Principal,
    /// What people call a unit, for example `DST`. 1 to 10 bytes.
    pub symbol: String,
    /// Decimal places of a unit, at most 38.
    pub decimals: u8,
    /// The ledger's transfer fee, in the asset's smallest unit.
    pub fee: Nat,
    /// How long the ledger remembers a transaction for deduplication, in nanoseconds; 24 h if absent.
    pub transaction_window_ns: Option<u64>,
    /// Whether the ledger deduplicates *before* it checks balance and allowance. Only then do `InsufficientFunds` and
    /// `InsufficientAllowance`, answered to a repeated attempt, prove that the first attempt was not executed.
    pub dedup_first: bool,
    /// What is due below this, or below twice the fee, waits for more before the timer pays it.
    pub payout_threshold: Nat,
}
