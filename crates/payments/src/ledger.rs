//! What is said to a ledger, and how its answers are read.

use crate::intent::{Direction, Failure, Intent};
use crate::verdict::Answer;
use candid::Nat;
use ddsx_runtime::{CallError, CallOptions, Runtime};
use icrc_ledger_types::icrc1::transfer::{Memo, TransferArg, TransferError};
use icrc_ledger_types::icrc2::transfer_from::{TransferFromArgs, TransferFromError};

/// How long a ledger may take to answer. After that the outcome is unknown, which is the journal's
/// to find out: a ledger that never answers must not keep the canister from being stopped.
pub(crate) const WAIT: CallOptions = CallOptions::bounded(60);
/// The longest message of a ledger that is kept, in bytes.
const MAX_MESSAGE_BYTES: usize = 200;

/// Makes one attempt. The arguments are made from what never changes in an intent, so that each attempt sends the same.
pub(crate) async fn send<R: Runtime>(runtime: &R, intent: &Intent) -> Answer {
    match intent.direction {
        Direction::Pull => {
            let arguments = pull_arguments(intent);
            let reply: Result<Result<Nat, TransferFromError>, CallError> = runtime
                .call(intent.ledger, "icrc2_transfer_from", (arguments,), WAIT)
                .await;
            read(reply, refused_pull)
        }
        Direction::Push => {
            let arguments = push_arguments(intent);
            let reply: Result<Result<Nat, TransferError>, CallError> =
                runtime.call(intent.ledger, "icrc1_transfer", (arguments,), WAIT).await;
            read(reply, refused_push)
        }
    }
}

fn pull_arguments(intent: &Intent) -> TransferFromArgs {
    TransferFromArgs {
        spender_subaccount: None,
        from: intent.from,
        to: intent.to,
        amount: intent.amount.into(),
        fee: Some(intent.fee.into()),
        memo: Some(memo(intent)),
        created_at_time: Some(intent.created_at_time),
    }
}

fn push_arguments(intent: &Intent) -> TransferArg {
    TransferArg {
        from_subaccount: intent.from.subaccount,
        to: intent.to,
        fee: Some(intent.fee.into()),
        created_at_time: Some(intent.created_at_time),
        memo: Some(memo(intent)),
        amount: intent.amount.into(),
    }
}

fn memo(intent: &Intent) -> Memo {
    Memo::from(intent.memo().to_vec())
}

fn read<E>(reply: Result<Result<Nat, E>, CallError>, refused: impl FnOnce(E) -> Answer) -> Answer {
    match reply {
        Ok(Ok(block)) => Answer::Paid { block: number(block) },
        Ok(Err(error)) => refused(error),
        Err(error) if error.proves_not_executed() => Answer::NotExecuted,
        Err(_) => Answer::Unknown,
    }
}

pub(crate) fn number(nat: Nat) -> u128 {
    u128::try_from(nat.0).unwrap_or(u128::MAX)
}

fn generic(code: Nat, mut message: String) -> Failure {
    message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
    Failure::Generic {
        code: number(code),
        message,
    }
}

fn refused_pull(error: TransferFromError) -> Answer {
    Answer::Refused(match error {
        TransferFromError::Duplicate { duplicate_of } => {
            return Answer::Paid {
                block: number(duplicate_of),
            };
        }
        TransferFromError::BadFee { expected_fee } => Failure::BadFee {
            expected_fee: number(expected_fee),
        },
        TransferFromError::BadBurn { min_burn_amount } => Failure::BadBurn {
            min_burn_amount: number(min_burn_amount),
        },
        TransferFromError::InsufficientFunds { balance } => Failure::InsufficientFunds {
            balance: number(balance),
        },
        TransferFromError::InsufficientAllowance { allowance } => Failure::InsufficientAllowance {
            allowance: number(allowance),
        },
        TransferFromError::TooOld => Failure::TooOld,
        TransferFromError::CreatedInFuture { ledger_time } => Failure::CreatedInFuture { ledger_time },
        TransferFromError::TemporarilyUnavailable => Failure::TemporarilyUnavailable,
        TransferFromError::GenericError { error_code, message } => generic(error_code, message),
    })
}

fn refused_push(error: TransferError) -> Answer {
    Answer::Refused(match error {
        TransferError::Duplicate { duplicate_of } => {
            return Answer::Paid {
                block: number(duplicate_of),
            };
        }
        TransferError::BadFee { expected_fee } => Failure::BadFee {
            expected_fee: number(expected_fee),
        },
        TransferError::BadBurn { min_burn_amount } => Failure::BadBurn {
            min_burn_amount: number(min_burn_amount),
        },
        TransferError::InsufficientFunds { balance } => Failure::InsufficientFunds {
            balance: number(balance),
        },
        TransferError::TooOld => Failure::TooOld,
        TransferError::CreatedInFuture { ledger_time } => Failure::CreatedInFuture { ledger_time },
        TransferError::TemporarilyUnavailable => Failure::TemporarilyUnavailable,
        TransferError::GenericError { error_code, message } => generic(error_code, message),
    })
}
