//! Why a call is refused.

use super::{EncodingError, SpecError, StrategyError, TopUpError};
use candid::{CandidType, Nat};
use serde::{Deserialize, Serialize};

/// Why a task's owner, or a reader, is refused. Nothing has changed then.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// The anonymous principal owns nothing.
    #[error("the anonymous principal cannot do this")]
    Anonymous,
    /// The canister is paused.
    #[error("the aggregator is paused")]
    Paused,
    /// The caller is banned.
    #[error("the caller is banned")]
    Banned,
    /// No such task.
    #[error("there is no such task")]
    NotFound,
    /// Only the owner may.
    #[error("only the task's owner may do this")]
    NotOwner,
    /// Not at this stage.
    #[error("the task is not at the stage for this")]
    WrongStage,
    /// A field is not as it must be.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which.
        field: String,
        /// What it must be.
        reason: String,
    },
    /// The model is refused.
    #[error("model: {0}")]
    Model(SpecError),
    /// The strategy is refused.
    #[error("strategy: {0}")]
    Strategy(StrategyError),
    /// More than is allowed of something.
    #[error("{what}: at most {limit}")]
    TooMany {
        /// Of what.
        what: String,
        /// How many at most.
        limit: u64,
    },
    /// The asset is not listed.
    #[error("the asset is not listed")]
    AssetNotListed,
    /// The storage fee is not paid.
    #[error("the storage fee is not paid")]
    StorageNotPaid,
    /// A piece must begin where the one before ended.
    #[error("the piece must begin at {expected}")]
    WrongOffset {
        /// Where.
        expected: u64,
    },
    /// A piece must have this length.
    #[error("the piece must have {expected} bytes")]
    WrongLength {
        /// Which.
        expected: u64,
    },
    /// The file is not the one committed to; it was discarded.
    #[error("the file's hash is not the one committed to; upload it again")]
    WrongHash,
    /// A file is not complete.
    #[error("a file is not complete")]
    Incomplete,
    /// The budget does not cover the rounds.
    #[error("the budget must be {needed} at least")]
    BudgetTooSmall {
        /// What is needed in all.
        needed: Nat,
    },
    /// A version that is not in force any more.
    #[error("version {current} is in force")]
    VersionGone {
        /// Which is.
        current: u32,
    },
    /// The input of a prediction is refused.
    #[error("{0}")]
    Input(String),
    /// A request id must have 16 to 32 bytes, and name one request only.
    #[error("request id: {0}")]
    RequestId(String),
    /// The payment is not settled yet: ask again with the same request id.
    #[error("payment {intent} is under way")]
    Pending {
        /// Its number; 2^64 - 1 while the ledger is asked what the payer holds.
        intent: u64,
    },
    /// Another payment for the same is under way: wait for its end.
    #[error("another payment for this is under way")]
    PaymentUnderWay,
    /// The payment was not made.
    #[error("not charged: {0}")]
    PaymentRefused(String),
    /// What the balance lacks could not be pulled. Only in answers to `create_paid_task`.
    #[error("payment: {0:?}")]
    Payment(TopUpError),
}

/// Why a client is not let in.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The anonymous principal cannot join.
    #[error("the anonymous principal cannot do this")]
    Anonymous,
    /// The canister is paused.
    #[error("the aggregator is paused")]
    Paused,
    /// The caller is banned.
    #[error("the caller is banned")]
    Banned,
    /// No such task.
    #[error("there is no such task")]
    NotFound,
    /// The task is over.
    #[error("the task has ended")]
    Ended,
    /// Not on the list, or without a valid licence.
    #[error("the caller may not take part")]
    NotAllowed,
    /// The registry could not be asked.
    #[error("the registry did not answer: {0}")]
    RegistryUnavailable(String),
    /// As many clients as the task takes.
    #[error("the task has {limit} clients already")]
    Full {
        /// How many.
        limit: u32,
    },
    /// Too many stakes were lost.
    #[error("refused after {faults} faults")]
    TooManyFaults {
        /// How many.
        faults: u32,
    },
    /// The account belongs to nobody.
    #[error("nobody owns this account")]
    InvalidAccount,
    /// The client does not take part.
    #[error("the caller does not take part")]
    NotJoined,
    /// An update of this client is in the round that is going on.
    #[error("an update of the caller is in an open round")]
    UpdateInRound,
    /// A request id must have 16 to 32 bytes, and name one request only.
    #[error("request id: {0}")]
    RequestId(String),
    /// The stake's payment is not settled yet: ask again with the same request id.
    #[error("payment {intent} is under way")]
    Pending {
        /// Its number; 2^64 - 1 while the ledger is asked what the payer holds.
        intent: u64,
    },
    /// The stake was not paid.
    #[error("not charged: {0}")]
    PaymentRefused(String),
}

/// Why an update, or a part of one, is refused. Those marked *fault* cost the sender its stake and end its upload.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// The canister is paused.
    #[error("the aggregator is paused")]
    Paused,
    /// The caller is banned.
    #[error("the caller is banned")]
    Banned,
    /// No such task.
    #[error("there is no such task")]
    NotFound,
    /// The client has not joined, or has lost its stake.
    #[error("the caller does not take part")]
    NotJoined,
    /// That round is over, or has not begun: too late, or a replay.
    #[error("round {round} does not collect")]
    RoundClosed {
        /// The round asked for.
        round: u32,
        /// The one that collects, if one does.
        collecting: Option<u32>,
    },
    /// One update a client and round; this client's is in.
    #[error("the caller's update is in already")]
    AlreadyAccepted,
    /// Another client has sent the same bytes in this round.
    #[error("the same update was sent by another client")]
    Duplicate,
    /// The round has as many updates, or uploads under way, as it takes; another upload of the same client is under way; or others come first.
    #[error("the round takes no more uploads")]
    RoundFull,
    /// Too many uploads were begun for this round.
    #[error("{limit} uploads were begun in this round already")]
    TooManyAttempts {
        /// How many may be.
        limit: u32,
    },
    /// Trained from a version that is not in force, or too old.
    #[error("version {current} is in force")]
    WrongVersion {
        /// Which is.
        current: u32,
    },
    /// FedBuff takes deltas only.
    #[error("this task takes deltas only")]
    DeltaOnly,
    /// Not as many numbers as the model has.
    #[error("{found} numbers, the model has {expected}")]
    WrongShape {
        /// Found.
        found: u64,
        /// Expected.
        expected: u64,
    },
    /// At least one sample.
    #[error("an update needs at least one sample")]
    NoSamples,
    /// Too many streams declared.
    #[error("at most {limit} streams can be declared")]
    TooManyStreams {
        /// How many may be.
        limit: u32,
    },
    /// `begin_update` comes first.
    #[error("no upload was begun")]
    NotBegun,
    /// A piece must begin where the one before ended.
    #[error("the piece must begin at {expected}")]
    WrongOffset {
        /// Where.
        expected: u64,
    },
    /// A piece must have this length.
    #[error("the piece must have {expected} bytes")]
    WrongLength {
        /// Which.
        expected: u64,
    },
    /// Bytes are missing.
    #[error("{received} of {bytes} bytes are here")]
    Incomplete {
        /// Received.
        received: u64,
        /// In all.
        bytes: u64,
    },
    /// Fault where an `F32` is not finite; what is only badly written, or overflows on decoding, costs the upload alone.
    #[error("{0}")]
    Encoding(EncodingError),
    /// Not the hash declared: it costs the upload, since no single message proves who mixed the pieces up.
    #[error("the update's hash is not the one declared")]
    WrongHash,
    /// The norm is above the task's bound, given in thousandths. Fault where one piece alone is, by a finite norm.
    #[error("the update's norm is above the bound")]
    NormExceeded {
        /// Its norm in thousandths, at most `u64::MAX`.
        norm_thousandths: u64,
    },
    /// The canister's stable memory is exhausted.
    #[error("no storage is left")]
    NoStorage,
}
