//! The canisters' typed errors in words that say what to do next.

use ddsx_types::federated_aggregator::{JoinError, TaskError, UploadError};
use ddsx_types::stream_registry::{
    AppendError, BuyError, ClaimError, ProofError, PullError, QuoteError, StreamError, TopUpError, WithdrawError,
};
use icrc_ledger_types::icrc1::transfer::TransferError;
use icrc_ledger_types::icrc2::approve::ApproveError;
use icrc_ledger_types::icrc2::transfer_from::TransferFromError;

/// A canister's error that can be told to a person.
pub trait Explain: std::fmt::Debug {
    /// One sentence: what is wrong, and what to do.
    fn explain(&self) -> String;
}

const ANONYMOUS: &str = "sign in first, the anonymous identity changes nothing (ddsx identity new, --identity)";
const PAUSED: &str = "the registry is paused by its governance; try again later";
const NO_STREAM: &str = "there is no stream of this number";
const CLOSED: &str = "the stream is closed for good";
const PLAN_NOT_OFFERED: &str = "the plan is not offered any more, or its stream is closed";
const ASSET_NOT_ACCEPTED: &str = "the plan has no price in this asset, or the asset is not listed any more";

fn limit(limit: &str, max: u64) -> String {
    // The registry says in words what is missing where it is not a number.
    if max == 0 {
        return limit.to_owned();
    }
    format!("the limit on {limit} is reached: {max}")
}

impl Explain for StreamError {
    fn explain(&self) -> String {
        match self {
            Self::AnonymousCaller => ANONYMOUS.into(),
            Self::Paused => PAUSED.into(),
            Self::StreamNotFound => NO_STREAM.into(),
            Self::NotOwner => "only the stream's owner may do this".into(),
            Self::StreamClosed => CLOSED.into(),
            Self::NameTaken { stream } => format!("you have a stream of this name already: number {stream}"),
            Self::InvalidField { field, reason } => format!("{field}: {reason}"),
            Self::MalformedSchema { reason } => format!("the schema is not a JSON Schema: {reason}"),
            Self::LabelTaken { contributor } => format!("contributor {contributor} has this label already"),
            Self::ContributorNotFound => "there is no contributor of this number".into(),
            Self::AccountAlreadyBound => {
                "the contributor has an account; only that account's owner may change it".into()
            }
            Self::NotAccountOwner => "only the owner of the contributor's account may do this".into(),
            Self::PublisherNotFound => "this principal is not among the stream's publishers".into(),
            Self::PlanNotFound => "there is no such plan of this stream".into(),
            Self::AssetNotListed { ledger } => format!("the asset of ledger {ledger} is not listed by governance"),
            Self::LimitReached { limit: what, max } => limit(what, *max),
            Self::Payment(error) => error.explain(),
        }
    }
}

impl Explain for AppendError {
    fn explain(&self) -> String {
        match self {
            Self::AnonymousCaller => ANONYMOUS.into(),
            Self::Paused => PAUSED.into(),
            Self::StreamNotFound => NO_STREAM.into(),
            Self::StreamClosed => CLOSED.into(),
            Self::NotAPublisher => {
                "you are neither the stream's owner nor a publisher whose time has not run out".into()
            }
            Self::EmptyBatch => "the batch has no chunk".into(),
            Self::TooManyChunks { max } => format!("more than {max} chunks in one call"),
            Self::BatchTooLarge { max_bytes } => format!("more than {max_bytes} bytes of payload in one call"),
            Self::WrongSequence { expected } => {
                format!("the log stands elsewhere: its next sequence number is {expected}")
            }
            Self::DifferentChunkStored { sequence } => {
                format!("chunk {sequence} is stored already and is another one")
            }
            Self::InvalidChunk { index, reason } => format!("chunk {index} of the batch: {reason}"),
            Self::UnknownContributor { index, contributor } => {
                format!(
                    "chunk {index} of the batch credits contributor {contributor}, which is not in the stream's table"
                )
            }
            Self::LimitReached { limit: what, max } => limit(what, *max),
        }
    }
}

impl Explain for PullError {
    fn explain(&self) -> String {
        match self {
            Self::StreamNotFound => NO_STREAM.into(),
            Self::NoLicence => "buy a licence first (ddsx licence buy): you have none for this stream".into(),
            Self::LicenceNotFound => "there is no such licence, or it is not yours or not for this stream".into(),
            Self::LicenceExpired { expired_at } => {
                format!("the licence ran out at {expired_at} ns since the Unix epoch; buy again")
            }
            Self::BeyondHead { tree_size } => format!("the stream has only {tree_size} chunks"),
            Self::PayloadsDropped { kept_from } => format!(
                "the payloads before chunk {kept_from} were dropped: their storage is no longer paid for; their leaves and \
                 proofs stay (pull from {kept_from} on)"
            ),
        }
    }
}

impl Explain for ProofError {
    fn explain(&self) -> String {
        match self {
            Self::StreamNotFound => NO_STREAM.into(),
            Self::OutOfRange { tree_size } => format!("out of range: the stream has {tree_size} chunks"),
        }
    }
}

impl Explain for QuoteError {
    fn explain(&self) -> String {
        match self {
            Self::PlanNotFound => "there is no plan of this number".into(),
            Self::PlanNotOffered => PLAN_NOT_OFFERED.into(),
            Self::AssetNotAccepted => ASSET_NOT_ACCEPTED.into(),
        }
    }
}

impl Explain for TopUpError {
    fn explain(&self) -> String {
        match self {
            Self::AnonymousCaller => ANONYMOUS.into(),
            Self::Paused => PAUSED.into(),
            Self::InvalidRequestId => "the request id must have 16 to 32 bytes".into(),
            Self::RequestIdReused => "this request id was used for another payment".into(),
            Self::AssetNotAccepted => "storage is not paid in this asset".into(),
            Self::InvalidAmount => "the amount must be more than zero".into(),
            Self::PriceAboveMax { price } => format!("it costs {price} smallest units now, above what you allowed"),
            Self::Pending { intent } => format!(
                "the payment's outcome is not known yet (intent {intent}); repeat the same command, you are never charged twice"
            ),
            Self::Quarantined { intent } => {
                format!("the payment could not be resolved; governance settles it (intent {intent})")
            }
            Self::InsufficientAllowance { allowance, needed } => {
                format!("the registry may take {allowance} smallest units, and needs {needed}; nothing was taken")
            }
            Self::InsufficientFunds { balance, needed } => {
                format!("the account holds {balance} smallest units, and {needed} are needed; nothing was taken")
            }
            Self::PaymentRefused { reason } => format!("the ledger refused: {reason}; nothing was taken"),
            Self::TooManyPending { max } => format!("more than {max} payments are under way; try again later"),
        }
    }
}

impl Explain for WithdrawError {
    fn explain(&self) -> String {
        match self {
            Self::AnonymousCaller => ANONYMOUS.into(),
            Self::Paused => PAUSED.into(),
            Self::AssetNotListed => "the asset was never listed".into(),
            Self::NotFree { free, ledger_fee } => {
                format!("{free} smallest units are free, and the ledger's fee is {ledger_fee}; nothing was withdrawn")
            }
            Self::Pending { .. } => "a withdrawal is on its way; it arrives by itself".into(),
            Self::PaymentRefused { reason } => format!("the ledger refused: {reason}; the amount is free again"),
        }
    }
}

impl Explain for BuyError {
    fn explain(&self) -> String {
        match self {
            Self::AnonymousCaller => ANONYMOUS.into(),
            Self::Paused => PAUSED.into(),
            Self::PlanNotFound => "there is no plan of this number".into(),
            Self::PlanNotOffered => PLAN_NOT_OFFERED.into(),
            Self::AssetNotAccepted => ASSET_NOT_ACCEPTED.into(),
            Self::PriceAboveMax { price } => format!("the price is now {price} smallest units, above what you allowed"),
            Self::TermsChanged { .. } => "the terms have changed since the quote; ask for a new one".into(),
            Self::InvalidRequestId => "the request id must have 16 to 32 bytes".into(),
            Self::InvalidRecipient => "the recipient cannot own a licence".into(),
            Self::RequestIdReused => "this request id was used for another purchase".into(),
            Self::Pending { intent } => format!(
                "the payment's outcome is not known yet (intent {intent}); repeat the same command, you are never charged twice"
            ),
            Self::Quarantined { intent } => {
                format!("the payment could not be resolved; governance settles it (intent {intent})")
            }
            Self::InsufficientAllowance { allowance, needed } => {
                format!("the registry may take {allowance} smallest units, and needs {needed}; nothing was charged")
            }
            Self::InsufficientFunds { balance, needed } => {
                format!("the account holds {balance} smallest units, and {needed} are needed; nothing was charged")
            }
            Self::PaymentRefused { reason } => format!("the ledger refused: {reason}; nothing was charged"),
            Self::TooManyPending { max } => format!("more than {max} of your purchases are pending"),
            Self::LimitReached { limit: what, max } => limit(what, *max),
        }
    }
}

impl Explain for ClaimError {
    fn explain(&self) -> String {
        match self {
            Self::AnonymousCaller => ANONYMOUS.into(),
            Self::Paused => PAUSED.into(),
            Self::StreamNotFound => NO_STREAM.into(),
            Self::ContributorNotFound => "there is no contributor of this number".into(),
            Self::AssetNotListed => "the asset is not listed".into(),
            Self::NotPayee => "only the payee or the stream's owner may claim".into(),
            Self::NoAccount => "the contributor has no account yet; the stream's owner binds it".into(),
            Self::NotPayableYet { payable_from } => format!(
                "the account was bound less than 7 days ago; it is paid from {payable_from} ns since the Unix epoch"
            ),
            Self::NothingDue { due, ledger_fee } => {
                format!("{due} smallest units are due, not more than the ledger's fee of {ledger_fee}")
            }
            Self::Pending { intent } => format!("a payment is on its way already (intent {intent})"),
            Self::PaymentRefused { reason } => format!("the ledger refused: {reason}; the amount is due again"),
        }
    }
}

const NO_TASK: &str = "there is no task of this number";
const AGGREGATOR_PAUSED: &str = "the aggregator is paused by its governance; try again later";

impl Explain for TaskError {
    fn explain(&self) -> String {
        match self {
            Self::Anonymous => ANONYMOUS.into(),
            Self::Paused => AGGREGATOR_PAUSED.into(),
            Self::NotFound => NO_TASK.into(),
            Self::StorageNotPaid => "the task's storage is not paid (ddsx task create pays it)".into(),
            Self::Pending { intent } => format!(
                "the payment's outcome is not known yet (intent {intent}); repeat the same command, you are never charged twice"
            ),
            Self::PaymentRefused(reason) => format!("the payment was refused: {reason}; nothing was charged"),
            other => other.to_string(),
        }
    }
}

impl Explain for JoinError {
    fn explain(&self) -> String {
        match self {
            Self::Anonymous => ANONYMOUS.into(),
            Self::Paused => AGGREGATOR_PAUSED.into(),
            Self::NotFound => NO_TASK.into(),
            Self::NotAllowed => {
                "the task is for those on its list, or for holders of a licence of its stream (ddsx task show)".into()
            }
            Self::NotJoined => "you do not take part (ddsx task join)".into(),
            Self::Pending { intent } => format!(
                "the stake's payment is not settled yet (intent {intent}); repeat the same command, you are never charged twice"
            ),
            Self::PaymentRefused(reason) => format!("the stake was not paid: {reason}; nothing was charged"),
            other => other.to_string(),
        }
    }
}

impl Explain for UploadError {
    fn explain(&self) -> String {
        match self {
            Self::Paused => AGGREGATOR_PAUSED.into(),
            Self::NotFound => NO_TASK.into(),
            Self::NotJoined => "you do not take part (ddsx task join), or your stake was lost".into(),
            other => other.to_string(),
        }
    }
}

impl Explain for TransferError {
    fn explain(&self) -> String {
        self.to_string()
    }
}

impl Explain for ApproveError {
    fn explain(&self) -> String {
        self.to_string()
    }
}

impl Explain for TransferFromError {
    fn explain(&self) -> String {
        self.to_string()
    }
}
