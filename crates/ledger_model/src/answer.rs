//! What a call answers, in one form for all methods.

use candid::Nat;
use ddsx_types::dst_ledger::MintError;
use icrc_ledger_types::icrc1::transfer::TransferError;
use icrc_ledger_types::icrc2::approve::ApproveError;
use icrc_ledger_types::icrc2::transfer_from::TransferFromError;

/// The block's index (`None` for a change that writes no block), or the error's name with its figure.
pub type Answer = Result<Option<u64>, String>;

pub(crate) fn error(name: &str, figure: &impl ToString) -> Answer {
    Err(named(name, figure))
}

fn named(name: &str, figure: &impl ToString) -> String {
    format!("{name} {}", figure.to_string().replace('_', ""))
}

/// What the ledger's methods return, as an [`Answer`].
pub trait IntoAnswer {
    /// The same in the model's words.
    fn into_answer(self) -> Answer;
}

/// A block's index as the rules or the wire give it.
pub trait Index {
    /// As a number.
    fn index(self) -> Option<u64>;
}

impl Index for u64 {
    fn index(self) -> Option<u64> {
        Some(self)
    }
}

impl Index for Option<u64> {
    fn index(self) -> Option<u64> {
        self
    }
}

impl Index for Nat {
    fn index(self) -> Option<u64> {
        u64::try_from(&self.0).ok()
    }
}

trait Name {
    fn name(self) -> String;
}

impl Name for TransferError {
    fn name(self) -> String {
        match self {
            Self::BadFee { expected_fee } => named("BadFee", &expected_fee),
            Self::BadBurn { min_burn_amount } => named("BadBurn", &min_burn_amount),
            Self::InsufficientFunds { balance } => named("InsufficientFunds", &balance),
            Self::TooOld => named("TooOld", &""),
            Self::CreatedInFuture { ledger_time } => named("CreatedInFuture", &ledger_time),
            Self::TemporarilyUnavailable => named("TemporarilyUnavailable", &""),
            Self::Duplicate { duplicate_of } => named("Duplicate", &duplicate_of),
            Self::GenericError { error_code, .. } => named("Generic", &error_code),
        }
    }
}

impl Name for TransferFromError {
    fn name(self) -> String {
        match self {
            Self::BadFee { expected_fee } => named("BadFee", &expected_fee),
            Self::BadBurn { min_burn_amount } => named("BadBurn", &min_burn_amount),
            Self::InsufficientFunds { balance } => named("InsufficientFunds", &balance),
            Self::InsufficientAllowance { allowance } => named("InsufficientAllowance", &allowance),
            Self::TooOld => named("TooOld", &""),
            Self::CreatedInFuture { ledger_time } => named("CreatedInFuture", &ledger_time),
            Self::TemporarilyUnavailable => named("TemporarilyUnavailable", &""),
            Self::Duplicate { duplicate_of } => named("Duplicate", &duplicate_of),
            Self::GenericError { error_code, .. } => named("Generic", &error_code),
        }
    }
}

impl Name for ApproveError {
    fn name(self) -> String {
        match self {
            Self::BadFee { expected_fee } => named("BadFee", &expected_fee),
            Self::InsufficientFunds { balance } => named("InsufficientFunds", &balance),
            Self::AllowanceChanged { current_allowance } => named("AllowanceChanged", &current_allowance),
            Self::Expired { ledger_time } => named("Expired", &ledger_time),
            Self::TooOld => named("TooOld", &""),
            Self::CreatedInFuture { ledger_time } => named("CreatedInFuture", &ledger_time),
            Self::TemporarilyUnavailable => named("TemporarilyUnavailable", &""),
            Self::Duplicate { duplicate_of } => named("Duplicate", &duplicate_of),
            Self::GenericError { error_code, .. } => named("Generic", &error_code),
        }
    }
}

impl Name for MintError {
    fn name(self) -> String {
        match self {
            Self::NotAMinter => named("NotAMinter", &""),
            Self::OverMinterCap { left } => named("OverMinterCap", &left),
            Self::SupplyCap { max_supply } => named("SupplyCap", &max_supply),
            Self::BadRequest(_) => named("BadRequest", &""),
            Self::MemoTooLong { limit } => named("MemoTooLong", &limit),
            Self::TooOld => named("TooOld", &""),
            Self::CreatedInFuture { ledger_time } => named("CreatedInFuture", &ledger_time),
            Self::Duplicate { duplicate_of } => named("Duplicate", &duplicate_of),
            Self::TemporarilyUnavailable => named("TemporarilyUnavailable", &""),
        }
    }
}

/// A governed change that was refused or trapped: the words differ, what counts is that nothing changed.
impl Name for String {
    fn name(self) -> String {
        named("Refused", &"")
    }
}

impl<I: Index, E: Name> IntoAnswer for Result<I, E> {
    fn into_answer(self) -> Answer {
        self.map(Index::index).map_err(Name::name)
    }
}
