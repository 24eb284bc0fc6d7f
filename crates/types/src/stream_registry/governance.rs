//! What governance sets. Every method `x` here has a twin `validate_x` of the same argument, which answers the text a voter reads.

use super::StoragePrice;
use crate::{Account, AssetListing};
use candid::{CandidType, Nat, Principal};
use serde::{Deserialize, Serialize};

/// Install argument; `null` takes every default. On an upgrade, what is absent stays as it is.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryArgs {
    /// Who governs: the SNS governance canister, or before launch whom the team names. The installer if absent.
    pub governance: Option<Principal>,
    /// Where the protocol fee goes. The governance principal's default account if absent.
    pub treasury: Option<Account>,
    /// The protocol's part of each price, in basis points (0 to 2,000). 250 if absent.
    pub protocol_fee_bps: Option<u16>,
    /// Assets listed from the start. At most 20.
    pub assets: Option<Vec<AssetListing>>,
    /// How often the payout timer runs, in seconds (1 to 86,400). 60 if absent.
    pub payout_interval_s: Option<u64>,
    /// What storing costs in listed assets. A listing of the symbol `DST` with 8 decimals has the default price, others none.
    pub storage_prices: Option<Vec<StoragePrice>>,
}

/// The parameters in force.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Who governs.
    pub governance: Principal,
    /// Where the protocol fee goes.
    pub treasury: Account,
    /// The protocol's part of each price, in basis points.
    pub protocol_fee_bps: u16,
    /// True while money and writes are stopped; reads go on.
    pub paused: bool,
    /// Assets listed.
    pub assets: Vec<AssetListing>,
    /// How often the payout timer runs, in seconds.
    pub payout_interval_s: u64,
    /// What storing costs, in each listed asset that has a price.
    pub storage_prices: Option<Vec<StoragePrice>>,
}

/// What governance found out about a payment that the journal could not resolve.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The ledger executed it in this block.
    PaidAt(Nat),
    /// The ledger never executed it and never will: its window is over.
    NotPaid,
}

/// Argument of `settle_quarantined`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct SettleQuarantinedArgs {
    /// Number of the payment intent.
    pub intent: u64,
    /// What is true of it.
    pub evidence: Evidence,
}

/// A payment that waits for governance.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedPayment {
    /// Number of the intent, and the transfer's memo as 8 bytes big-endian.
    pub intent: u64,
    /// The asset.
    pub ledger: Principal,
    /// From whom.
    pub from: Account,
    /// To whom.
    pub to: Account,
    /// How much, the ledger's fee not counted.
    pub amount: Nat,
    /// The transfer's `created_at_time`.
    pub created_at_time: u64,
}
