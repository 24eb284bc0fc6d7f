//! The canisters' typed errors in words that say what to do next.

use candid::Nat;
use ddsx_types::federated_aggregator::{JoinError, TaskError, UploadError};
use ddsx_types::stream_registry::{
    AppendError, BuyError, ClaimError, ProofError, PullError, QuoteError, StreamError, TopUpError, WithdrawError,
};
use icrc_ledger_types::icrc1::transfer::TransferError;
use icrc_ledger_types::icrc2::approve::ApproveError;
use icrc_ledger_types::icrc2::transfer_from::TransferFromError;

use crate::LedgerInfo;
use crate::words::{self, Show};

/// A canister's error that can be told to a person.
pub trait Explain: std::fmt::Debug {
    /// One sentence: what is wrong, and what to do. `show` writes the amounts in it.
    fn explain_with(&self, show: Show<'_>) -> String;

    /// The sentence where the asset is not known.
    fn explain(&self) -> String {
        self.explain_with(&words::smallest_units)
    }

    /// The sentence with amounts in the asset's own unit.
    fn explain_in(&self, asset: &LedgerInfo) -> String {
        self.explain_with(&|units| asset.show(units))
    }
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
    fn explain_with(&self, show: Show<'_>) -> String {
        match self {
            Self::AnonymousCaller => ANONYMOUS.into(),
            Self::Paused => PAUSED.into(),
            Self::StreamNotFound => NO_STREAM.into(),
            Self::NotOwner => "only the stream's owner may do this".into(),
            Self::StreamClosed => CLOSED.into(),
            Self::NameTaken { stream } => format!("you have a stream of this name already: number {stream}"),
            Self::InvalidField { field, reason } => invalid_field(field, reason),
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
            Self::Payment(error) => error.explain_with(show),
        }
    }
}

impl Explain for AppendError {
    fn explain_with(&self, _: Show<'_>) -> String {
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
    fn explain_with(&self, _: Show<'_>) -> String {
        match self {
            Self::StreamNotFound => NO_STREAM.into(),
            Self::NoLicence => "buy a licence first (ddsx licence buy): you have none for this stream".into(),
            Self::LicenceNotFound => "there is no such licence, or it is not yours or not for this stream".into(),
            Self::LicenceExpired { expired_at } => {
                format!("the licence ran out at {}; buy again", words::time(*expired_at))
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
    fn explain_with(&self, _: Show<'_>) -> String {
        match self {
            Self::StreamNotFound => NO_STREAM.into(),
            Self::OutOfRange { tree_size } => format!("out of range: the stream has {tree_size} chunks"),
        }
    }
}

impl Explain for QuoteError {
    fn explain_with(&self, _: Show<'_>) -> String {
        match self {
            Self::PlanNotFound => "there is no plan of this number".into(),
            Self::PlanNotOffered => PLAN_NOT_OFFERED.into(),
            Self::AssetNotAccepted => ASSET_NOT_ACCEPTED.into(),
        }
    }
}

impl Explain for TopUpError {
    fn explain_with(&self, show: Show<'_>) -> String {
        match self {
            Self::AnonymousCaller => ANONYMOUS.into(),
            Self::Paused => PAUSED.into(),
            Self::InvalidRequestId => "the request id must have 16 to 32 bytes".into(),
            Self::RequestIdReused => "this request id was used for another payment".into(),
            Self::AssetNotAccepted => "storage is not paid in this asset".into(),
            Self::InvalidAmount => "the amount must be more than zero".into(),
            Self::PriceAboveMax { price } => format!("it costs {} now, above what you allowed", show(price)),
            Self::Pending { intent } => format!(
                "the payment's outcome is not known yet (intent {intent}); repeat the same command, you are never charged twice"
            ),
            Self::Quarantined { intent } => {
                format!("the payment could not be resolved; governance settles it (intent {intent})")
            }
            Self::InsufficientAllowance { allowance, needed } => {
                format!(
                    "the registry may take {}, and needs {}; nothing was taken",
                    show(allowance),
                    show(needed)
                )
            }
            Self::InsufficientFunds { balance, needed } => {
                format!(
                    "the account holds {}, and {} is needed; nothing was taken",
                    show(balance),
                    show(needed)
                )
            }
            Self::PaymentRefused { reason } => {
                format!("the ledger refused: {}; nothing was taken", amounts_said(reason))
            }
            Self::TooManyPending { max } => format!("more than {max} payments are under way; try again later"),
        }
    }
}

impl Explain for WithdrawError {
    fn explain_with(&self, show: Show<'_>) -> String {
        match self {
            Self::AnonymousCaller => ANONYMOUS.into(),
            Self::Paused => PAUSED.into(),
            Self::AssetNotListed => "the asset was never listed".into(),
            Self::NotFree { free, ledger_fee } => {
                format!(
                    "{} is free, and the ledger's fee is {}; nothing was withdrawn",
                    show(free),
                    show(ledger_fee)
                )
            }
            Self::Pending { .. } => "a withdrawal is on its way; it arrives by itself".into(),
            Self::PaymentRefused { reason } => {
                format!("the ledger refused: {}; the amount is free again", amounts_said(reason))
            }
        }
    }
}

impl Explain for BuyError {
    fn explain_with(&self, show: Show<'_>) -> String {
        match self {
            Self::AnonymousCaller => ANONYMOUS.into(),
            Self::Paused => PAUSED.into(),
            Self::PlanNotFound => "there is no plan of this number".into(),
            Self::PlanNotOffered => PLAN_NOT_OFFERED.into(),
            Self::AssetNotAccepted => ASSET_NOT_ACCEPTED.into(),
            Self::PriceAboveMax { price } => format!("the price is now {}, above what you allowed", show(price)),
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
                format!(
                    "the registry may take {}, and needs {}; the price was not charged",
                    show(allowance),
                    show(needed)
                )
            }
            Self::InsufficientFunds { balance, needed } => {
                format!(
                    "the account holds {}, and needs {}; the price was not charged",
                    show(balance),
                    show(needed)
                )
            }
            Self::PaymentRefused { reason } => format!(
                "the ledger refused: {}; the price was not charged",
                amounts_said(reason)
            ),
            Self::TooManyPending { max } => format!("more than {max} of your purchases are pending"),
            Self::LimitReached { limit: what, max } => limit(what, *max),
        }
    }
}

impl Explain for ClaimError {
    fn explain_with(&self, show: Show<'_>) -> String {
        match self {
            Self::AnonymousCaller => ANONYMOUS.into(),
            Self::Paused => PAUSED.into(),
            Self::StreamNotFound => NO_STREAM.into(),
            Self::ContributorNotFound => "there is no contributor of this number".into(),
            Self::AssetNotListed => "the asset is not listed".into(),
            Self::NotPayee => "only who is paid may claim".into(),
            Self::NoAccount => "the contributor has no account yet; the stream's owner binds it".into(),
            Self::NotPayableYet { payable_from } => format!(
                "the account was bound less than 7 days ago; it is paid from {} on",
                words::time(*payable_from)
            ),
            Self::NothingDue { due, ledger_fee } => {
                format!(
                    "{} is due, not more than the ledger's fee of {}",
                    show(due),
                    show(ledger_fee)
                )
            }
            Self::Pending { intent } => format!("a payment is on its way already (intent {intent})"),
            Self::PaymentRefused { reason } => {
                format!("the ledger refused: {}; the amount is due again", amounts_said(reason))
            }
        }
    }
}

const NO_TASK: &str = "there is no task of this number";
const AGGREGATOR_PAUSED: &str = "the aggregator is paused by its governance; try again later";

impl Explain for TaskError {
    fn explain_with(&self, show: Show<'_>) -> String {
        match self {
            Self::Anonymous => ANONYMOUS.into(),
            Self::Paused => AGGREGATOR_PAUSED.into(),
            Self::NotFound => NO_TASK.into(),
            Self::StorageNotPaid => "the task's storage is not paid (ddsx task create pays it)".into(),
            Self::Pending { intent } => format!(
                "the payment's outcome is not known yet (intent {intent}); repeat the same command, you are never charged twice"
            ),
            Self::PaymentRefused(reason) => {
                format!("the payment was refused: {}; it was not charged", amounts_said(reason))
            }
            Self::Payment(error) => error.explain_with(show),
            Self::BudgetTooSmall { needed } => format!("the budget must be {} at least", show(needed)),
            other => other.to_string(),
        }
    }
}

impl Explain for JoinError {
    fn explain_with(&self, _: Show<'_>) -> String {
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
            Self::PaymentRefused(reason) => {
                format!("the stake was not paid: {}; it was not charged", amounts_said(reason))
            }
            other => other.to_string(),
        }
    }
}

impl Explain for UploadError {
    fn explain_with(&self, _: Show<'_>) -> String {
        match self {
            Self::Paused => AGGREGATOR_PAUSED.into(),
            Self::NotFound => NO_TASK.into(),
            Self::NotJoined => "you do not take part (ddsx task join), or your stake was lost".into(),
            other => other.to_string(),
        }
    }
}

const TOO_OLD: &str =
    "the ledger takes it for too old; try again, and look at this machine's clock if that does not help";
const UNAVAILABLE: &str = "the ledger is busy; try again later";

fn early(ledger_time: u64) -> String {
    format!(
        "the ledger's time is {}, and this machine's clock is ahead of it; set the clock right",
        words::time(ledger_time)
    )
}

fn bad_fee(expected: &Nat, show: Show<'_>) -> String {
    format!(
        "the ledger's fee is {} now, another than was shown; try again",
        show(expected)
    )
}

fn funds(balance: &Nat, show: Show<'_>) -> String {
    format!("the account holds only {}", show(balance))
}

fn generic(code: &Nat, message: &str) -> String {
    format!("{message} (the ledger's error {})", code.0)
}

impl Explain for TransferError {
    fn explain_with(&self, show: Show<'_>) -> String {
        match self {
            Self::BadFee { expected_fee } => bad_fee(expected_fee, show),
            Self::BadBurn { min_burn_amount } => format!("at least {} must be burnt", show(min_burn_amount)),
            Self::InsufficientFunds { balance } => funds(balance, show),
            Self::TooOld => TOO_OLD.into(),
            Self::CreatedInFuture { ledger_time } => early(*ledger_time),
            Self::TemporarilyUnavailable => UNAVAILABLE.into(),
            Self::Duplicate { duplicate_of } => format!("it was made before, in block {}", duplicate_of.0),
            Self::GenericError { error_code, message } => generic(error_code, message),
        }
    }
}

impl Explain for ApproveError {
    fn explain_with(&self, show: Show<'_>) -> String {
        match self {
            Self::BadFee { expected_fee } => bad_fee(expected_fee, show),
            Self::InsufficientFunds { balance } => funds(balance, show),
            Self::AllowanceChanged { current_allowance } => format!(
                "the allowance was changed meanwhile, to {}; try again",
                show(current_allowance)
            ),
            Self::Expired { ledger_time } => {
                format!(
                    "it would have ended before the ledger's time, {}",
                    words::time(*ledger_time)
                )
            }
            Self::TooOld => TOO_OLD.into(),
            Self::CreatedInFuture { ledger_time } => early(*ledger_time),
            Self::Duplicate { duplicate_of } => format!("it was made before, in block {}", duplicate_of.0),
            Self::TemporarilyUnavailable => UNAVAILABLE.into(),
            Self::GenericError { error_code, message } => generic(error_code, message),
        }
    }
}

impl Explain for TransferFromError {
    fn explain_with(&self, show: Show<'_>) -> String {
        match self {
            Self::BadFee { expected_fee } => bad_fee(expected_fee, show),
            Self::BadBurn { min_burn_amount } => format!("at least {} must be burnt", show(min_burn_amount)),
            Self::InsufficientFunds { balance } => funds(balance, show),
            Self::InsufficientAllowance { allowance } => format!("only {} may be taken", show(allowance)),
            Self::TooOld => TOO_OLD.into(),
            Self::CreatedInFuture { ledger_time } => early(*ledger_time),
            Self::Duplicate { duplicate_of } => format!("it was made before, in block {}", duplicate_of.0),
            Self::TemporarilyUnavailable => UNAVAILABLE.into(),
            Self::GenericError { error_code, message } => generic(error_code, message),
        }
    }
}

/// A ledger's or canister's own words, which give amounts in the smallest unit: that is said where there is a number.
fn amounts_said(reason: &str) -> String {
    if reason.bytes().any(|byte| byte.is_ascii_digit()) {
        format!("{reason} (in the token's smallest unit)")
    } else {
        reason.to_owned()
    }
}

/// A field whose name says that it holds nanoseconds is told without that, and with durations that people read.
fn invalid_field(field: &str, reason: &str) -> String {
    let Some(field) = field.strip_suffix("_ns") else {
        return format!("{field}: {reason}");
    };
    let word = |word: &str| word.parse().map_or_else(|_| word.to_owned(), words::duration);
    let reason: Vec<String> = reason.split(' ').map(word).collect();
    format!("{field}: {}", reason.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dst() -> LedgerInfo {
        LedgerInfo {
            symbol: "DST".into(),
            decimals: 8,
            fee: 10_000,
        }
    }

    #[test]
    fn should_name_amounts_times_and_durations_as_people_do() {
        let year_ns = 1_796_031_271_772_289_705;
        let funds = BuyError::InsufficientFunds {
            balance: 70_000_u32.into(),
            needed: 4_999_970_020_u64.into(),
        };
        let short = StreamError::InvalidField {
            field: "duration_ns".into(),
            reason: "60000000000 to 315360000000000000".into(),
        };
        let denied = ApproveError::GenericError {
            error_code: 5_u8.into(),
            message: "no such spender".into(),
        };
        let poor = TransferError::InsufficientFunds {
            balance: 70_000_u32.into(),
        };
        for (said, expected) in [
            (
                funds.explain_in(&dst()),
                "the account holds 0.0007 DST, and needs 49.9997002 DST; the price was not charged",
            ),
            (
                funds.explain(),
                "the account holds 70000 of the token's smallest units, and needs 4999970020 of the token's smallest units; \
                 the price was not charged",
            ),
            (poor.explain_in(&dst()), "the account holds only 0.0007 DST"),
            (short.explain(), "duration: 1m to 3650d"),
            (denied.explain(), "no such spender (the ledger's error 5)"),
            (
                PullError::LicenceExpired { expired_at: year_ns }.explain(),
                "the licence ran out at 2026-11-30T09:34:31Z; buy again",
            ),
            (
                TaskError::BudgetTooSmall {
                    needed: 12_500_000_u32.into(),
                }
                .explain_in(&dst()),
                "the budget must be 0.125 DST at least",
            ),
        ] {
            assert_eq!(said, expected);
        }
    }
}
