//! Plans, quotes, purchases and licences.

use super::{LicenceId, PlanId, StreamId};
use crate::{Account, Hash, Subaccount, TimestampNs};
use candid::{CandidType, Nat, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// What a plan sells.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanKind {
    /// Everything retained, from the purchase on for so long.
    Subscription {
        /// In nanoseconds; 1 minute to 10 years.
        duration_ns: u64,
    },
    /// Everything, for ever.
    Perpetual,
    /// Nothing is paid; while such a plan is offered everyone may pull, with a licence or without.
    Free,
}

/// A price in one asset.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The asset's ledger, listed by governance.
    pub ledger: Principal,
    /// In the asset's smallest unit; more than zero.
    pub amount: Nat,
}

/// Arguments of `add_plan`, by the owner.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct AddPlanArgs {
    /// The stream.
    pub stream: StreamId,
    /// For buyers; unique among the stream's offered plans. 1 to 100 bytes.
    pub name: String,
    /// What it sells.
    pub kind: PlanKind,
    /// One for each asset accepted; none for a free plan. At most 20.
    pub prices: Vec<Price>,
}

/// A plan.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its number.
    pub id: PlanId,
    /// Its stream.
    pub stream: StreamId,
    /// For buyers.
    pub name: String,
    /// What it sells.
    pub kind: PlanKind,
    /// Its prices.
    pub prices: Vec<Price>,
    /// False once retired.
    pub offered: bool,
}

/// Arguments of `quote`.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuoteArgs {
    /// The plan.
    pub plan: PlanId,
    /// The asset to pay in; absent for a free plan.
    pub ledger: Option<Principal>,
}

/// What a purchase would cost and grant now.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The plan.
    pub plan: PlanId,
    /// Its stream.
    pub stream: StreamId,
    /// What it sells.
    pub kind: PlanKind,
    /// The asset.
    pub ledger: Option<Principal>,
    /// What the registry receives.
    pub price: Nat,
    /// What the ledger takes from the buyer besides, for the transfer.
    pub ledger_fee: Nat,
    /// The allowance the registry needs: price + ledger fee. Approving costs the ledger's fee once more.
    pub allowance: Nat,
    /// SHA-256 over the terms: give it to `buy`, which refuses if they have changed.
    pub terms_hash: Hash,
}

/// Why there is no quote.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum QuoteError {
    /// There is no such plan.
    PlanNotFound,
    /// The plan is not offered any more, or its stream is closed.
    PlanNotOffered,
    /// The plan has no price in this asset, or the asset is not listed any more.
    AssetNotAccepted,
}

/// Arguments of `buy`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct BuyArgs {
    /// The plan.
    pub plan: PlanId,
    /// The asset to pay in; absent for a free plan.
    pub ledger: Option<Principal>,
    /// The buyer's subaccount that pays and gave the allowance.
    pub from_subaccount: Option<Subaccount>,
    /// The most the buyer pays, the ledger's fee not counted.
    pub max_price: Nat,
    /// From the quote.
    pub terms_hash: Hash,
    /// Who shall own the licence; the buyer's default account if absent.
    pub recipient: Option<Account>,
    /// 16 to 32 bytes of the buyer's choice. The same again, with the same arguments, gives the same licence and charges nothing more.
    pub request_id: ByteBuf,
}

/// Why no licence was granted. Nothing was charged unless `Pending` or `Quarantined` says that it may have been.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum BuyError {
    /// Sign in: the anonymous principal buys nothing.
    AnonymousCaller,
    /// The canister is paused by governance; try again later.
    Paused,
    /// There is no such plan.
    PlanNotFound,
    /// The plan is not offered any more, or its stream is closed.
    PlanNotOffered,
    /// The plan has no price in this asset, or the asset is not listed any more.
    AssetNotAccepted,
    /// The price is above `max_price`.
    PriceAboveMax {
        /// The price now.
        price: Nat,
    },
    /// The terms are others than those accepted; ask for a quote again.
    TermsChanged {
        /// Hash of the terms now.
        terms_hash: Hash,
    },
    /// `request_id` must have 16 to 32 bytes.
    InvalidRequestId,
    /// The recipient cannot own a licence (the anonymous principal).
    InvalidRecipient,
    /// This `request_id` was used with other arguments; choose a new one for a new purchase.
    RequestIdReused,
    /// The payment's outcome is not known yet. Repeat the same call: it gives the licence or the error, and never charges twice.
    Pending {
        /// Number of the payment intent, for support; 2^64 - 1 while the ledger is asked what the buyer holds.
        intent: u64,
    },
    /// The payment could not be resolved inside the ledger's window; governance settles it.
    Quarantined {
        /// Number of the payment intent.
        intent: u64,
    },
    /// Approve at least this much to the registry, then use a new `request_id`.
    InsufficientAllowance {
        /// What is approved now.
        allowance: Nat,
        /// What is needed: price + ledger fee.
        needed: Nat,
    },
    /// The buyer's account holds too little; then use a new `request_id`.
    InsufficientFunds {
        /// What it holds.
        balance: Nat,
        /// What is needed: price + ledger fee.
        needed: Nat,
    },
    /// The ledger refused for another reason; nothing was charged.
    PaymentRefused {
        /// What it said.
        reason: String,
    },
    /// Too many purchases of this caller are pending.
    TooManyPending {
        /// How many are allowed.
        max: u64,
    },
    /// A limit on what may be stored is reached.
    LimitReached {
        /// Which limit.
        limit: String,
        /// Its value.
        max: u64,
    },
}

/// A licence: the right to a stream (collection *Data Stream Licence*).
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// Its number.
    pub id: LicenceId,
    /// Who may pull.
    pub owner: Account,
    /// What.
    pub stream: StreamId,
    /// The plan bought.
    pub plan: PlanId,
    /// What the plan sold.
    pub kind: PlanKind,
    /// Hash of the terms accepted.
    pub terms_hash: Hash,
    /// The asset paid in; absent for a free plan.
    pub ledger: Option<Principal>,
    /// What was paid, the ledger's fee not counted.
    pub price: Nat,
    /// When it was granted.
    pub bought_at: TimestampNs,
    /// When it ends; never if absent.
    pub expires_at: Option<TimestampNs>,
}

/// A licence with its proof up to the network's root key, or the proof that there is none of this number.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CertifiedLicence {
    /// The licence, if there is one.
    pub licence: Option<Licence>,
    /// The bytes whose SHA-256 stands under `licences`/<licence id, 8 bytes big-endian>: the licence in Candid.
    pub encoded: Option<ByteBuf>,
    /// The network's certificate over the canister's root hash. Absent in a replicated call.
    pub certificate: Option<ByteBuf>,
    /// The pruned hash tree (CBOR) that shows the entry, or its absence.
    pub witness: ByteBuf,
}

/// Arguments of `licences_of`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct LicencesOfArgs {
    /// Whose.
    pub owner: Principal,
    /// Which page, by licence number.
    pub page: super::Page,
}
