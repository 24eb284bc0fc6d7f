//! Streams, their contributors and their publishers.

use super::{ContributorNumber, PlanId, PublisherQuota, StreamId, StreamPayment, StreamStorage, TopUpError};
use crate::{Account, Hash, TimestampNs};
use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};

/// Under what terms the data may be used.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum LicenceTerms {
    /// An SPDX licence identifier, for example `CC-BY-4.0`. 1 to 100 bytes.
    Spdx(String),
    /// The terms in full. 1 to 8,000 bytes.
    Text(String),
}

/// A contributor to be entered in a stream's table.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct NewContributor {
    /// Its name in the stream, unique there; fixed for ever, since leaves hold its hash. 1 to 100 bytes.
    pub label: String,
    /// Where its share is paid. One named before the first credited chunk is paid at once.
    pub account: Option<Account>,
}

/// Arguments of `create_stream`.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CreateStreamArgs {
    /// Unique among the caller's streams, so that a retry makes no second one. 1 to 100 bytes.
    pub name: String,
    /// For buyers. At most 8,000 bytes.
    pub description: String,
    /// At most 10, each 1 to 100 bytes.
    pub tags: Vec<String>,
    /// Media type of the payloads, for example `application/x-ndjson`. 1 to 100 bytes.
    pub content_type: String,
    /// JSON Schema of one record, as JSON text. At most 64 KiB.
    pub schema: Option<String>,
    /// Terms of use.
    pub licence_terms: LicenceTerms,
    /// How to reach the provider. At most 100 bytes.
    pub contact: Option<String>,
    /// Where the provider's share is paid.
    pub provider_account: Account,
    /// The contributors' part of what is left after the protocol fee, in basis points (0 to 10,000); the rest is the provider's.
    pub contributors_share_bps: u16,
    /// The first contributors, numbered from 0 in this order. At most 1,000; more by `add_contributors`.
    pub contributors: Vec<NewContributor>,
    /// How to get what the caller's prepaid balance lacks; if absent, the balance must have it (`storage_quote`).
    pub payment: Option<StreamPayment>,
}

/// Why a stream was not created or changed.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum StreamError {
    /// Sign in: the anonymous principal changes nothing.
    AnonymousCaller,
    /// The canister is paused by governance; try again later.
    Paused,
    /// There is no such stream.
    StreamNotFound,
    /// Only the stream's owner may do this.
    NotOwner,
    /// The stream is closed for good.
    StreamClosed,
    /// The caller has a stream of this name already: this one.
    NameTaken {
        /// The stream that has the name.
        stream: StreamId,
    },
    /// A field is empty, too long or out of range.
    InvalidField {
        /// The field's name.
        field: String,
        /// What is allowed.
        reason: String,
    },
    /// The schema is not a JSON Schema.
    MalformedSchema {
        /// What the parser said.
        reason: String,
    },
    /// The label stands in the table already.
    LabelTaken {
        /// The contributor that has it.
        contributor: ContributorNumber,
    },
    /// There is no contributor of this number.
    ContributorNotFound,
    /// The contributor has an account; only the account's owner may change it.
    AccountAlreadyBound,
    /// Only the owner of the contributor's bound account may do this.
    NotAccountOwner,
    /// The publisher is not in the list.
    PublisherNotFound,
    /// The plan does not exist or is not this stream's.
    PlanNotFound,
    /// The asset is not listed by governance.
    AssetNotListed {
        /// The ledger named.
        ledger: Principal,
    },
    /// A limit on what may be stored is reached.
    LimitReached {
        /// Which limit.
        limit: String,
        /// Its value.
        max: u64,
    },
    /// The payment that `create_stream` was to take was not made, and there is no stream. Answered only to calls that name a payment.
    Payment(TopUpError),
}

/// Whether a stream grows and sells.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamStatus {
    /// It takes chunks and sells licences.
    Open,
    /// Nothing is added or sold any more; what was bought can be pulled.
    Closed,
}

/// What everyone may know of a stream.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Its number.
    pub id: StreamId,
    /// Who created it.
    pub owner: Principal,
    /// Its name.
    pub name: String,
    /// For buyers.
    pub description: String,
    /// For search.
    pub tags: Vec<String>,
    /// Media type of the payloads.
    pub content_type: String,
    /// JSON Schema of one record.
    pub schema: Option<String>,
    /// Terms of use.
    pub licence_terms: LicenceTerms,
    /// How to reach the provider.
    pub contact: Option<String>,
    /// Where the provider is paid.
    pub provider_account: Account,
    /// The contributors' part after the protocol fee, in basis points.
    pub contributors_share_bps: u16,
    /// Whether it grows and sells.
    pub status: StreamStatus,
    /// When it was created.
    pub created_at: TimestampNs,
    /// When the last chunk was added; absent while it is empty.
    pub last_append_at: Option<TimestampNs>,
    /// Chunks so far: the sequence number of the next one.
    pub chunks: u64,
    /// Records so far.
    pub records: u64,
    /// Payload bytes so far.
    pub bytes: u64,
    /// Contributors in the table.
    pub contributors: u32,
    /// Root of the log.
    pub root: Hash,
    /// True while a free plan is offered: everyone may pull.
    pub open_to_everyone: bool,
    /// Its storage and how it is paid; absent until a stream of the first release has been taken over.
    pub storage: Option<StreamStorage>,
}

/// An account that waits to be paid until its binding has been public for 7 days, or is paid already.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct BoundAccount {
    /// Where the contributor is paid.
    pub account: Account,
    /// When it was bound.
    pub bound_at: TimestampNs,
    /// From when it is paid: at once, or 7 days after it was bound.
    pub payable_from: TimestampNs,
}

/// A contributor as the table holds it.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ContributorInfo {
    /// Its number in the stream.
    pub number: ContributorNumber,
    /// Its label.
    pub label: String,
    /// Where it is paid, once bound.
    pub account: Option<BoundAccount>,
    /// Its weight: the records accepted so far that are credited to it.
    pub weight: u64,
}

/// Arguments of `add_contributors`, by the owner.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct AddContributorsArgs {
    /// The stream.
    pub stream: StreamId,
    /// The new ones, numbered on from the last. 1 to 1,000.
    pub contributors: Vec<NewContributor>,
}

/// Arguments of `bind_contributor_account` (once, by the stream's owner, for a contributor without one) and of
/// `change_contributor_account` (by the owner of the account bound).
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct ContributorAccountArgs {
    /// The stream.
    pub stream: StreamId,
    /// The contributor.
    pub contributor: ContributorNumber,
    /// Its account from now on.
    pub account: Account,
}

/// Someone besides the owner who may append.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Publisher {
    /// Who.
    pub principal: Principal,
    /// Until when; for ever if absent.
    pub expires_at: Option<TimestampNs>,
    /// How much it may append each day; 1 GiB and 10,000,000 records if absent when it is set.
    pub quota: Option<PublisherQuota>,
}

/// Arguments of `set_publisher`, by the owner: adds it, or changes its expiry.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct SetPublisherArgs {
    /// The stream.
    pub stream: StreamId,
    /// The publisher.
    pub publisher: Publisher,
}

/// Arguments of `remove_publisher`, by the owner.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct RemovePublisherArgs {
    /// The stream.
    pub stream: StreamId,
    /// Who may append no longer.
    pub principal: Principal,
}

/// Arguments of `retire_plan`, by the owner: it is sold no longer; licences bought stay.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetirePlanArgs {
    /// The stream.
    pub stream: StreamId,
    /// Its plan.
    pub plan: PlanId,
}
