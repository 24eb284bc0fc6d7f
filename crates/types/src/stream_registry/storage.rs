//! What storing costs, and the prepaid balance that pays for it.
//!
//! What stays for ever (a stream's record, its contributors, a leaf and its nodes) is paid once; payloads are paid by time, ahead.

use super::StreamId;
use crate::{Subaccount, TimestampNs};
use candid::{CandidType, Nat, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// What storing costs in one asset, in its smallest unit.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StoragePrice {
    /// The asset, which is listed.
    pub ledger: Principal,
    /// Held for each stream from its creation, and given back in full when it is closed and its payloads are gone.
    pub deposit: Nat,
    /// For each GiB (2^30 bytes) and month (30 days).
    pub gib_month: Nat,
    /// Whether new streams may pay in this asset. Those that do already go on at the price above.
    pub accepted: bool,
}

/// How `create_stream` gets what the caller's balance lacks, by `icrc2_transfer_from`, in the same call.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StreamPayment {
    /// The asset in which the stream pays for its storage from now on.
    pub ledger: Principal,
    /// Never more than this is taken, the ledger's fee not counted.
    pub max: Nat,
    /// Taken besides what is missing, for the storage to come; nothing if absent.
    pub prepay: Option<Nat>,
    /// 16 to 32 bytes; the same call again takes nothing twice.
    pub request_id: ByteBuf,
    /// The caller's subaccount that pays; its default one if absent.
    pub from_subaccount: Option<Subaccount>,
}

/// Arguments of `top_up`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct TopUpArgs {
    /// A listed asset.
    pub ledger: Principal,
    /// How much, more than zero. The caller has approved this and the ledger's fee.
    pub amount: Nat,
    /// The caller's subaccount that pays; its default one if absent.
    pub from_subaccount: Option<Subaccount>,
    /// 16 to 32 bytes; the same call again takes nothing twice.
    pub request_id: ByteBuf,
}

/// Why a balance was not topped up. Unless it is said to be pending, nothing was taken.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum TopUpError {
    /// Sign in.
    AnonymousCaller,
    /// The canister is paused by governance; try again later.
    Paused,
    /// A request id has 16 to 32 bytes.
    InvalidRequestId,
    /// The caller used this request id with other arguments.
    RequestIdReused,
    /// The asset is not listed, or has no storage price.
    AssetNotAccepted,
    /// The amount is zero or too large.
    InvalidAmount,
    /// More than the caller allows: ask for a quote again.
    PriceAboveMax {
        /// What would be taken.
        price: Nat,
    },
    /// The payment is on its way; the same call again says what became of it.
    Pending {
        /// Number of the payment intent.
        intent: u64,
    },
    /// Governance has to find out what became of the payment.
    Quarantined {
        /// Number of the payment intent.
        intent: u64,
    },
    /// The account holds too little.
    InsufficientFunds {
        /// What it holds.
        balance: Nat,
        /// Amount and ledger fee.
        needed: Nat,
    },
    /// Too little is approved.
    InsufficientAllowance {
        /// What is approved.
        allowance: Nat,
        /// Amount and ledger fee.
        needed: Nat,
    },
    /// The ledger refused.
    PaymentRefused {
        /// What it said.
        reason: String,
    },
    /// Too many payments are under way; try again later.
    TooManyPending {
        /// How many there may be.
        max: u64,
    },
}

/// Arguments of `withdraw`: back to the caller's own account.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct WithdrawArgs {
    /// The asset.
    pub ledger: Principal,
    /// How much leaves the balance, the ledger's fee within it; all that is free if absent.
    pub amount: Option<Nat>,
    /// The caller's subaccount that receives; its default one if absent.
    pub to_subaccount: Option<Subaccount>,
}

/// Why nothing was withdrawn.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum WithdrawError {
    /// Sign in.
    AnonymousCaller,
    /// The canister is paused by governance; try again later.
    Paused,
    /// The asset was never listed.
    AssetNotListed,
    /// Not so much is free, or it does not exceed the ledger's fee.
    NotFree {
        /// What is free.
        free: Nat,
        /// The ledger's fee.
        ledger_fee: Nat,
    },
    /// A withdrawal is on its way; a timer goes on with it.
    Pending {
        /// Number of the payment intent; 0 if an earlier one is meant.
        intent: u64,
    },
    /// The ledger refused; the amount is free again.
    PaymentRefused {
        /// What it said.
        reason: String,
    },
}

/// The caller's prepaid balance in one asset: `topped_up` is the sum of all the others, at every instant.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct PrepaidBalance {
    /// All that ever came in.
    pub topped_up: Nat,
    /// What can be spent or withdrawn.
    pub free: Nat,
    /// Deposits of streams: they become free again.
    pub set_aside: Nat,
    /// Spent on storage.
    pub charged: Nat,
    /// On its way out.
    pub withdrawing: Nat,
    /// Withdrawn, the ledger's fees within it.
    pub withdrawn: Nat,
}

/// All prepaid balances in one asset: `topped_up` is the sum of the amounts after it, at every instant.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct PrepaidAudit {
    /// All that ever came in.
    pub topped_up: Nat,
    /// What owners can spend or withdraw.
    pub free: Nat,
    /// Deposits of streams.
    pub set_aside: Nat,
    /// Spent on storage, and given over to the treasury.
    pub charged: Nat,
    /// On its way out.
    pub withdrawing: Nat,
    /// Withdrawn, the ledger's fees not counted.
    pub withdrawn: Nat,
    /// The ledger's fees of that.
    pub ledger_fees: Nat,
}

/// How a stream's payloads stand.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageState {
    /// Paid, and the next period will be taken in time.
    Paid,
    /// The next period could not be taken: top the owner's balance up before `paid_until`, or the payloads are dropped then.
    Expiring,
    /// The payloads are being dropped.
    Dropping,
    /// The payloads are gone. The leaves stay, and so do the proofs.
    Dropped,
}

/// A stream's storage, as everyone may see it.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StreamStorage {
    /// The asset in which it pays.
    pub ledger: Principal,
    /// Held, and given back when the stream is closed and its payloads are gone; 0 once it was.
    pub deposit: Nat,
    /// Payload bytes paid for by time.
    pub bytes: u64,
    /// How they stand.
    pub state: StorageState,
    /// Until when they are paid. No licence sold for a time ends later.
    pub paid_until: TimestampNs,
    /// Until when licences sold cover the stream; a perpetual one counts for 365 days from its sale.
    pub covered_until: Option<TimestampNs>,
    /// Sequence number of the first chunk whose payload is kept; what is before it was dropped.
    pub kept_from: u64,
    /// Taken from the provider's income so far, in the asset in which it pays.
    pub from_income: Nat,
    /// Governance has suspended the stream: it sells nothing, and only licensees read it.
    pub suspended: bool,
    /// What all payloads cost a month (30 days) now.
    pub per_month: Nat,
}

/// Arguments of `storage_quote`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageQuoteArgs {
    /// The asset, for a new stream; a stream that is there pays in its own.
    pub ledger: Principal,
    /// The stream that shall grow; a new one if absent.
    pub stream: Option<StreamId>,
    /// Contributors to be entered.
    pub contributors: u32,
    /// Chunks to be appended.
    pub chunks: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
}

/// What a paid step costs, in one total, and what of it comes back.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StorageQuote {
    /// The asset.
    pub ledger: Principal,
    /// Held and given back; 0 for a stream that is there.
    pub deposit: Nat,
    /// Paid once for what stays for ever: records, leaves, nodes.
    pub once: Nat,
    /// For the payloads until `paid_until`.
    pub storage: Nat,
    /// Until when that pays them.
    pub paid_until: TimestampNs,
    /// What the payloads named cost for each month (30 days) after that.
    pub per_month: Nat,
    /// All of it now.
    pub total: Nat,
    /// What of it comes back: the deposit.
    pub comes_back: Nat,
    /// What the owner's balance has (the caller's, for a new stream), the stream's own income not counted.
    pub free: Nat,
    /// What it lacks.
    pub missing: Nat,
    /// The ledger's fee of a top-up; 0 if nothing is missing.
    pub ledger_fee: Nat,
}

/// Arguments of `extend_storage`, by the owner: pays payloads ahead from its balance.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendStorageArgs {
    /// The stream.
    pub stream: StreamId,
    /// Until when; at most ten years from now. A time that is paid already changes nothing.
    pub until: TimestampNs,
}

/// Argument of `suspend_stream`, which governance calls.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuspendStreamArgs {
    /// The stream.
    pub stream: StreamId,
    /// True: it sells nothing, and only licensees read it. False: it is as before.
    pub suspended: bool,
}

/// How much a publisher may append each day (UTC).
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublisherQuota {
    /// Payload bytes a day.
    pub bytes: u64,
    /// Records a day.
    pub records: u64,
}
