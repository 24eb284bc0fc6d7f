//! What each call does, in words, or why this ledger would refuse it whatever its state.

use candid::{Nat, Principal};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::{Memo, TransferArg};
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc2::transfer_from::TransferFromArgs;

use super::message::Message;
use crate::amount::to_u128;
use crate::config::Config;

const TRANSFER_FEE: &str = "Charged for processing the transfer.";

/// `icrc1_transfer`: a transfer, or a mint or burn if the minting account is at one end.
pub(super) fn transfer(config: &Config, caller: Principal, args: &TransferArg) -> Result<Message, String> {
    let from = Account {
        owner: caller,
        subaccount: args.from_subaccount,
    };
    let amount = transferable(&args.amount)?;
    let memo = checked_memo(config, args.memo.as_ref())?;
    let name = &config.name;
    let message = match (from == config.minting_account, args.to == config.minting_account) {
        (true, true) => return Err(both_ends_mint()),
        (true, false) => {
            check_fee(args.fee.as_ref(), 0)?;
            Message::new(format!("Mint {name}"), "You are approving the creation of new tokens.")
                .amount("Amount", amount, "")
                .account("To", args.to)
        }
        (false, true) => {
            check_fee(args.fee.as_ref(), 0)?;
            Message::new(
                format!("Burn {name}"),
                "You are approving the destruction of funds from your account.",
            )
            .account("From", from)
            .amount("Amount", amount, "This is the amount that will be gone.")
        }
        (false, false) => {
            check_fee(args.fee.as_ref(), config.fee)?;
            Message::new(
                format!("Send {name}"),
                "You are approving a transfer of funds from your account.",
            )
            .account("From", from)
            .amount("Amount", amount, "")
            .account("To", args.to)
            .amount("Fees", config.fee, TRANSFER_FEE)
        }
    };
    Ok(message.memo(memo))
}

/// `icrc2_transfer_from`: a transfer on an allowance, or a burn if it goes to the minting account.
pub(super) fn transfer_from(config: &Config, caller: Principal, args: &TransferFromArgs) -> Result<Message, String> {
    let spender = Account {
        owner: caller,
        subaccount: args.spender_subaccount,
    };
    let amount = transferable(&args.amount)?;
    let memo = checked_memo(config, args.memo.as_ref())?;
    let name = &config.name;
    let message = match (args.from == config.minting_account, args.to == config.minting_account) {
        (true, true) => return Err(both_ends_mint()),
        (true, false) => return Err(minting_account_has_nothing()),
        (false, true) => {
            check_fee(args.fee.as_ref(), 0)?;
            Message::new(
                format!("Burn {name}"),
                "You are approving the destruction of funds from a withdrawal account.",
            )
            .account("From", args.from)
            .amount("Amount", amount, "This is the amount that will be gone.")
            .account("Spender", spender)
        }
        (false, false) => {
            check_fee(args.fee.as_ref(), config.fee)?;
            Message::new(
                format!("Spend {name}"),
                "You are approving a transfer of funds from a withdrawal account.",
            )
            .account("From", args.from)
            .amount("Amount", amount, "")
            .account("Spender", spender)
            .account("To", args.to)
            .amount("Fees", config.fee, TRANSFER_FEE)
        }
    };
    Ok(message.memo(memo))
}

/// `icrc2_approve`: an allowance, or the end of one if the amount is 0.
pub(super) fn approve(config: &Config, caller: Principal, args: &ApproveArgs) -> Result<Message, String> {
    let from = Account {
        owner: caller,
        subaccount: args.from_subaccount,
    };
    if from == config.minting_account {
        return Err(minting_account_has_nothing());
    }
    if args.spender.owner == caller && caller != Principal::anonymous() {
        return Err("the spender is the caller itself, which needs no approval".into());
    }
    check_fee(args.fee.as_ref(), config.fee)?;
    let memo = checked_memo(config, args.memo.as_ref())?;
    let existing = match &args.expected_allowance {
        None => None,
        Some(expected) => Some(to_u128(expected).ok_or("the expected allowance is larger than any allowance")?),
    };
    // What is above 128 bits is capped there (ICRC-2 allows it).
    let amount = to_u128(&args.amount).unwrap_or(u128::MAX);
    let mut message = if amount == 0 {
        Message::new(
            "Remove spending approval".into(),
            "You are ending the permission of another address to withdraw funds from your account.",
        )
    } else {
        Message::new(
            "Approve spending".into(),
            "You are authorizing another address to withdraw funds from your account.",
        )
    };
    let note = match amount {
        0 => "Upon approval, the spender can withdraw nothing.",
        amount if amount >= config.max_supply => {
            "This withdrawal limit exceeds all tokens there can be: the spender can withdraw everything."
        }
        _ => "This is the withdrawal limit that will apply upon approval.",
    };
    message = message
        .account("From", from)
        .account("Approve to spender", args.spender)
        .amount("Requested allowance", amount, note);
    if let Some(existing) = existing {
        message = message.amount(
            "Existing allowance",
            existing,
            "Until approval, this allowance remains in effect.",
        );
    }
    Ok(message
        .time(
            "Approval expiration",
            args.expires_at,
            "This approval does not have an expiration.",
        )
        .amount("Approval fees", config.fee, "Charged for processing the approval.")
        .account("Fees paid by", from)
        .memo(memo))
}

/// A fee that the caller names must be the ledger's; otherwise the call answers `BadFee`.
fn check_fee(named: Option<&Nat>, fee: u128) -> Result<(), String> {
    match named {
        Some(named) if *named != fee => Err(format!("the argument names a fee of {named}, this call costs {fee}")),
        _ => Ok(()),
    }
}

fn transferable(amount: &Nat) -> Result<u128, String> {
    to_u128(amount).ok_or_else(|| "the amount is larger than any balance".to_owned())
}

fn checked_memo<'a>(config: &Config, memo: Option<&'a Memo>) -> Result<Option<&'a [u8]>, String> {
    let limit = config.max_memo_length;
    match memo.map(|memo| &memo.0[..]) {
        Some(memo) if memo.len() > usize::from(limit) => {
            Err(format!("the memo has {} bytes, at most {limit} are taken", memo.len()))
        }
        memo => Ok(memo),
    }
}

fn both_ends_mint() -> String {
    "both ends of the transfer are the minting account, which holds no tokens".into()
}

fn minting_account_has_nothing() -> String {
    "the minting account holds no tokens to approve or draw on; it mints by icrc1_transfer".into()
}
