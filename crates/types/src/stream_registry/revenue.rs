//! Who gets what of the fee.

use super::{ContributorNumber, PrepaidAudit, StreamId};
use crate::Account;
use candid::{CandidType, Nat, Principal};
use serde::{Deserialize, Serialize};

/// Arguments of `stream_revenue`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamRevenueArgs {
    /// The stream.
    pub stream: StreamId,
    /// The asset.
    pub ledger: Principal,
}

/// What is owed to a payee and what it got, in the asset's smallest unit.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Owed and not on its way.
    pub due: Nat,
    /// On its way: its payment is in the journal and not settled.
    pub in_flight: Nat,
    /// Arrived in the payee's account.
    pub paid: Nat,
    /// Taken by the ledger for the payments, from the payee's due.
    pub ledger_fees: Nat,
}

/// A stream's income in one asset. `received` = the sum of everything else, at every instant.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StreamRevenue {
    /// All prices paid.
    pub received: Nat,
    /// The protocol's part, given over to the treasury's balance.
    pub protocol_fee: Nat,
    /// The provider's.
    pub provider: Balance,
    /// The contributors' together, as of each one's last settlement.
    pub contributors: Balance,
    /// The contributors' part that waits for the first weight; the provider's when the stream is closed without any.
    pub held: Nat,
    /// Distributed to the contributors and not yet settled: shares of the income since each was last settled (it is when its
    /// weight changes and when it is paid; `contributor_revenue` says what is due to each now), fractions, and rests of divisions.
    pub carried: Nat,
}

/// Arguments of `stream_income`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamIncomeArgs {
    /// The stream.
    pub stream: StreamId,
    /// The asset.
    pub ledger: Principal,
    /// Which page, by day: `start_after` is a day, counted from 1970-01-01; a year ago it is today's less 366.
    pub page: super::Page,
}

/// What a stream took in on one day (UTC) in one asset. Days without a sale are not listed; those listed sum to
/// what `stream_revenue` says was received, less what was sold before the registry counted by day.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct DayOfIncome {
    /// Days since 1970-01-01.
    pub day: u64,
    /// Licences sold.
    pub licences: u64,
    /// Prices paid for them.
    pub received: Nat,
}

/// Arguments of `contributor_revenue`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContributorRevenueArgs {
    /// The stream.
    pub stream: StreamId,
    /// The asset.
    pub ledger: Principal,
    /// Which page, by contributor number.
    pub page: super::Page,
}

/// A contributor's income in one asset.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ContributorRevenue {
    /// Its number.
    pub number: ContributorNumber,
    /// Its label.
    pub label: String,
    /// Its weight.
    pub weight: u64,
    /// Where it is paid.
    pub account: Option<Account>,
    /// What it got and is owed.
    pub balance: Balance,
}

/// Who is paid.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Payee {
    /// The stream's provider.
    Provider,
    /// One of its contributors.
    Contributor(ContributorNumber),
}

/// Arguments of `claim`, by the payee: the owner of its account; for the provider, the stream's owner too.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimArgs {
    /// The stream.
    pub stream: StreamId,
    /// The asset.
    pub ledger: Principal,
    /// Who is paid.
    pub payee: Payee,
}

/// A payment that arrived.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Block at the ledger.
    pub block: Nat,
    /// What arrived.
    pub amount: Nat,
    /// What the ledger took.
    pub ledger_fee: Nat,
}

/// Why nothing was paid now. What is due stays due.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// Sign in.
    AnonymousCaller,
    /// The canister is paused by governance; try again later.
    Paused,
    /// There is no such stream.
    StreamNotFound,
    /// There is no contributor of this number.
    ContributorNotFound,
    /// The asset is not listed.
    AssetNotListed,
    /// Only the payee may claim.
    NotPayee,
    /// The contributor has no account yet; the stream's owner binds it.
    NoAccount,
    /// The account was bound less than 7 days ago.
    NotPayableYet {
        /// From when it is.
        payable_from: u64,
    },
    /// What is due does not exceed the ledger's fee.
    NothingDue {
        /// What is due.
        due: Nat,
        /// The ledger's fee.
        ledger_fee: Nat,
    },
    /// A payment to this payee is on its way; a timer goes on with it.
    Pending {
        /// Number of the payment intent.
        intent: u64,
    },
    /// The ledger refused; the amount is due again.
    PaymentRefused {
        /// What it said.
        reason: String,
    },
}

/// The books of one asset over all streams: what came in equals what went out and what is kept.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// All prices received, and what storage was charged to prepaid balances.
    pub received: Nat,
    /// Paid to providers, contributors and the treasury, the ledger's fees not counted.
    pub paid_out: Nat,
    /// Taken by the ledger for payouts.
    pub ledger_fees: Nat,
    /// On its way.
    pub in_flight: Nat,
    /// Owed to providers, contributors and the treasury.
    pub owed: Nat,
    /// Held for streams without weight.
    pub held: Nat,
    /// Distributed and not yet settled, fractions and rests among it.
    pub carried: Nat,
    /// True if `received` equals the sum of the others, and the prepaid balances theirs.
    pub conserved: bool,
    /// What the registry's account at the ledger must hold at least: owed + held + carried + in flight, and of the prepaid balances
    /// what is free, set aside and on its way out.
    pub must_hold: Nat,
    /// The prepaid balances.
    pub prepaid: Option<PrepaidAudit>,
}
