//! A payment, from its order to its outcome.

use crate::asset::Asset;
use candid::Principal;
use ddsx_types::{Account, Hash, Subaccount, TimestampNs};
use std::fmt;
use std::ops::RangeInclusive;

/// The most bytes of a purpose.
pub const MAX_PURPOSE_BYTES: usize = 1_024;
/// The most bytes that [`crate::Host::settle`] may give back; more is cut off.
pub const MAX_RESULT_BYTES: usize = 64;
/// Length of a `request_id`, in bytes.
pub const REQUEST_ID_BYTES: RangeInclusive<usize> = 16..=32;

/// Which way the money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Into the canister, by `icrc2_transfer_from`, from an account that approved it.
    Pull {
        /// Who pays.
        from: Account,
        /// The canister's subaccount that receives.
        to_subaccount: Option<Subaccount>,
    },
    /// Out of the canister, by `icrc1_transfer`.
    Push {
        /// The canister's subaccount that pays.
        from_subaccount: Option<Subaccount>,
        /// Who receives.
        to: Account,
    },
}

/// What shall be paid, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Which way.
    pub kind: Kind,
    /// In what.
    pub asset: Asset,
    /// How much arrives, in the asset's smallest unit; the payer pays the ledger's fee besides. More than zero.
    pub amount: u128,
    /// The canister's own note of what to do when it is settled; at most [`MAX_PURPOSE_BYTES`].
    pub purpose: Vec<u8>,
    /// On whose behalf. Pulls count against this principal's limit, and request ids are its own.
    pub caller: Principal,
}

/// Makes an order safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// 16 to 32 bytes of the caller's choice.
    pub id: Vec<u8>,
    /// Hash over all the arguments that the caller gave.
    pub arguments: Hash,
}

/// `Pull` or `Push` without its accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Into the canister.
    Pull,
    /// Out of the canister.
    Push,
}

/// A payment as it is stored before its first attempt. Nothing that the ledger sees of it ever changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Its number, never used again. As 8 bytes, big-endian, the transfer's memo.
    pub id: u64,
    /// Which way.
    pub direction: Direction,
    /// The ledger.
    pub ledger: Principal,
    /// Who pays.
    pub from: Account,
    /// Who receives.
    pub to: Account,
    /// How much arrives.
    pub amount: u128,
    /// The ledger's fee, stated in the transfer.
    pub fee: u128,
    /// The transfer's `created_at_time`.
    pub created_at_time: TimestampNs,
    /// From when on the ledger may have forgotten it.
    pub window_ends_at: TimestampNs,
    /// Whether the ledger deduplicates before it looks at balance and allowance.
    pub dedup_first: bool,
    /// On whose behalf.
    pub caller: Principal,
    /// The canister's note. Emptied once settled.
    pub purpose: Vec<u8>,
    /// The request that ordered it, if one did.
    pub request_id: Option<Vec<u8>>,
    /// How many attempts were begun.
    pub attempts: u32,
    /// How many of them may have been executed, as far as is known: begun and not disproved.
    pub doubtful: u32,
    /// Under which time the index holds it: the next attempt, or when it may be forgotten.
    pub(crate) indexed_at: TimestampNs,
    /// What became of it.
    pub state: State,
    /// What the canister's handler gave back when it was settled.
    pub result: Vec<u8>,
    /// Whether it is counted by ledger; one that an earlier release stored is not.
    pub(crate) by_ledger: bool,
}

/// What became of an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not known yet; a timer goes on with it.
    Pending,
    /// Not known, and the ledger may have forgotten it: governance finds out.
    Quarantined {
        /// Since when.
        since: TimestampNs,
    },
    /// The ledger executed it, once.
    Paid {
        /// In which block.
        block: u128,
        /// When that became known.
        at: TimestampNs,
    },
    /// The ledger did not execute it and never will.
    Failed {
        /// Why.
        failure: Failure,
        /// When that became known.
        at: TimestampNs,
    },
}

/// Why a payment was not made. Amounts that do not fit are given as `u128::MAX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The ledger's fee for this transfer is another: ask it for its fee (`icrc1_fee`) and order
    /// again.
    BadFee {
        /// The fee it wants for this one; 0 for a burn.
        expected_fee: u128,
    },
    /// Too little to be burnt.
    BadBurn {
        /// The least.
        min_burn_amount: u128,
    },
    /// The payer holds too little.
    InsufficientFunds {
        /// What it holds.
        balance: u128,
    },
    /// The payer approved too little.
    InsufficientAllowance {
        /// What is approved.
        allowance: u128,
    },
    /// The ledger's window is over, by its clock.
    TooOld,
    /// The ledger's clock is behind.
    CreatedInFuture {
        /// Its time.
        ledger_time: TimestampNs,
    },
    /// The ledger is busy.
    TemporarilyUnavailable,
    /// Anything else that the ledger says.
    Generic {
        /// Its code.
        code: u128,
        /// Its words, cut to 200 bytes.
        message: String,
    },
    /// No attempt reached the ledger until its window ended.
    WindowEnded,
    /// Governance found that it was not made.
    UnpaidByEvidence,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadFee { expected_fee } => write!(f, "the ledger wants a fee of {expected_fee} for this transfer"),
            Self::BadBurn { min_burn_amount } => write!(f, "at least {min_burn_amount} must be burnt"),
            Self::InsufficientFunds { balance } => write!(f, "the account holds only {balance}"),
            Self::InsufficientAllowance { allowance } => write!(f, "only {allowance} is approved"),
            Self::TooOld => f.write_str("the transfer is too old for the ledger"),
            Self::CreatedInFuture { ledger_time } => write!(f, "the ledger's clock is behind: {ledger_time}"),
            Self::TemporarilyUnavailable => f.write_str("the ledger is temporarily unavailable"),
            Self::Generic { code, message } => write!(f, "ledger error {code}: {message}"),
            Self::WindowEnded => f.write_str("the ledger could not be reached in time"),
            Self::UnpaidByEvidence => f.write_str("governance found that it was not paid"),
        }
    }
}

impl std::error::Error for Failure {}

/// How a payment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The ledger executed it, once.
    Paid {
        /// In which block.
        block: u128,
    },
    /// The ledger did not and never will.
    Failed(Failure),
}

/// A payment that has just been settled, as [`crate::Host::settle`] gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The payment, with its purpose.
    pub intent: Intent,
    /// How it ended.
    pub outcome: Outcome,
}

/// What is known of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not known yet; a timer goes on with it.
    Pending {
        /// The intent.
        id: u64,
    },
    /// Governance has to find out.
    Quarantined {
        /// The intent.
        id: u64,
    },
    /// Paid, once.
    Paid {
        /// The intent.
        id: u64,
        /// In which block.
        block: u128,
        /// What the canister's handler gave back.
        result: Vec<u8>,
    },
    /// Not paid, and never will be.
    Failed {
        /// The intent.
        id: u64,
        /// Why.
        failure: Failure,
    },
}

/// What governance found out about a quarantined payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The ledger executed it in this block.
    Paid {
        /// The block.
        block: u128,
    },
    /// The ledger did not execute it; its window being over, it never will.
    Unpaid,
}

impl Intent {
    /// The transfer's memo.
    pub const fn memo(&self) -> [u8; 8] {
        self.id.to_be_bytes()
    }

    /// Whether it has its outcome.
    pub const fn is_settled(&self) -> bool {
        matches!(self.state, State::Paid { .. } | State::Failed { .. })
    }

    /// What is known of it.
    pub fn status(&self) -> Status {
        let id = self.id;
        match &self.state {
            State::Pending => Status::Pending { id },
            State::Quarantined { .. } => Status::Quarantined { id },
            State::Paid { block, .. } => Status::Paid {
                id,
                block: *block,
                result: self.result.clone(),
            },
            State::Failed { failure, .. } => Status::Failed {
                id,
                failure: failure.clone(),
            },
        }
    }
}
