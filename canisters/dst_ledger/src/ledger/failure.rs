//! Every way in which a call can fail, and how each standard spells it.

use candid::Nat;
use ddsx_types::dst_ledger::{MintError, error_code};
use icrc_ledger_types::icrc1::transfer::TransferError;
use icrc_ledger_types::icrc2::approve::ApproveError;
use icrc_ledger_types::icrc2::transfer_from::TransferFromError;

/// Why a call changed nothing. Amounts are in smallest units, times in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    AnonymousCaller,
    MemoTooLong { length: usize, limit: u16 },
    BothEndsMint,
    SelfApproval,
    DelegatedMint,
    TooOld,
    CreatedInFuture { ledger_time: u64 },
    Duplicate { duplicate_of: u64 },
    TemporarilyUnavailable,
    BadFee { expected_fee: u128 },
    BadBurn { min_burn_amount: u128 },
    OverMinterCap { left: u128 },
    SupplyCap { max_supply: u128 },
    InsufficientAllowance { allowance: u128 },
    InsufficientFunds { balance: u128 },
    Expired { ledger_time: u64 },
    AllowanceChanged { current_allowance: u128 },
}

impl Failure {
    /// Code and message of the `GenericError` that stands for a failure for which the method's standard has no variant.
    fn generic(&self) -> (Nat, String) {
        let (code, message) = match self {
            Self::AnonymousCaller => (
                error_code::ANONYMOUS_CALLER,
                "the anonymous principal can change nothing: sign the call".to_owned(),
            ),
            Self::MemoTooLong { length, limit } => (
                error_code::MEMO_TOO_LONG,
                format!("the memo has {length} bytes, at most {limit} are taken"),
            ),
            Self::BothEndsMint => (
                error_code::MINT_TO_MINTING_ACCOUNT,
                "both ends of the transfer are the minting account, which holds no tokens".to_owned(),
            ),
            Self::SelfApproval => (
                error_code::SELF_APPROVAL,
                "the spender is the caller itself, which needs no approval".to_owned(),
            ),
            Self::DelegatedMint => (
                error_code::DELEGATED_MINT,
                "the minting account holds no tokens to approve or draw on; it mints by icrc1_transfer".to_owned(),
            ),
            Self::SupplyCap { max_supply } => (
                error_code::SUPPLY_CAP,
                format!("the mint would lift the supply above its cap of {max_supply}"),
            ),
            // Each of the others has a variant in every method that can answer it.
            other => (0, format!("{other:?}")),
        };
        (Nat::from(code), message)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooOld => f.write_str("created_at_time is more than 24 h and 2 min ago: make a new request"),
            Self::CreatedInFuture { ledger_time } => {
                write!(
                    f,
                    "created_at_time is more than 2 min ahead of the ledger's clock, {ledger_time} ns"
                )
            }
            Self::Duplicate { duplicate_of } => write!(f, "this was done already, in block {duplicate_of}"),
            Self::TemporarilyUnavailable => f.write_str("the ledger cannot do this now: try again"),
            other => f.write_str(&other.generic().1),
        }
    }
}

impl From<Failure> for TransferError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooOld => Self::TooOld,
            Failure::CreatedInFuture { ledger_time } => Self::CreatedInFuture { ledger_time },
            Failure::Duplicate { duplicate_of } => Self::Duplicate {
                duplicate_of: duplicate_of.into(),
            },
            Failure::TemporarilyUnavailable => Self::TemporarilyUnavailable,
            Failure::BadFee { expected_fee } => Self::BadFee {
                expected_fee: expected_fee.into(),
            },
            Failure::BadBurn { min_burn_amount } => Self::BadBurn {
                min_burn_amount: min_burn_amount.into(),
            },
            Failure::InsufficientFunds { balance } => Self::InsufficientFunds {
                balance: balance.into(),
            },
            other => {
                let (error_code, message) = other.generic();
                Self::GenericError { error_code, message }
            }
        }
    }
}

impl From<Failure> for TransferFromError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooOld => Self::TooOld,
            Failure::CreatedInFuture { ledger_time } => Self::CreatedInFuture { ledger_time },
            Failure::Duplicate { duplicate_of } => Self::Duplicate {
                duplicate_of: duplicate_of.into(),
            },
            Failure::TemporarilyUnavailable => Self::TemporarilyUnavailable,
            Failure::BadFee { expected_fee } => Self::BadFee {
                expected_fee: expected_fee.into(),
            },
            Failure::BadBurn { min_burn_amount } => Self::BadBurn {
                min_burn_amount: min_burn_amount.into(),
            },
            Failure::InsufficientFunds { balance } => Self::InsufficientFunds {
                balance: balance.into(),
            },
            Failure::InsufficientAllowance { allowance } => Self::InsufficientAllowance {
                allowance: allowance.into(),
            },
            other => {
                let (error_code, message) = other.generic();
                Self::GenericError { error_code, message }
            }
        }
    }
}

impl From<Failure> for ApproveError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooOld => Self::TooOld,
            Failure::CreatedInFuture { ledger_time } => Self::CreatedInFuture { ledger_time },
            Failure::Duplicate { duplicate_of } => Self::Duplicate {
                duplicate_of: duplicate_of.into(),
            },
            Failure::TemporarilyUnavailable => Self::TemporarilyUnavailable,
            Failure::BadFee { expected_fee } => Self::BadFee {
                expected_fee: expected_fee.into(),
            },
            Failure::InsufficientFunds { balance } => Self::InsufficientFunds {
                balance: balance.into(),
            },
            Failure::Expired { ledger_time } => Self::Expired { ledger_time },
            Failure::AllowanceChanged { current_allowance } => Self::AllowanceChanged {
                current_allowance: current_allowance.into(),
            },
            other => {
                let (error_code, message) = other.generic();
                Self::GenericError { error_code, message }
            }
        }
    }
}

impl From<Failure> for MintError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooOld => Self::TooOld,
            Failure::CreatedInFuture { ledger_time } => Self::CreatedInFuture { ledger_time },
            Failure::Duplicate { duplicate_of } => Self::Duplicate {
                duplicate_of: duplicate_of.into(),
            },
            Failure::TemporarilyUnavailable => Self::TemporarilyUnavailable,
            Failure::OverMinterCap { left } => Self::OverMinterCap { left: left.into() },
            Failure::SupplyCap { max_supply } => Self::SupplyCap {
                max_supply: max_supply.into(),
            },
            Failure::MemoTooLong { limit, .. } => Self::MemoTooLong { limit },
            other => Self::BadRequest(other.generic().1),
        }
    }
}
