//! The promise of the decoders, checked on any bytes: what they take, `candid` takes, with the same values.

use candid::Nat;
use ddsx_icrc_wire::{
    ApproveArgs, TransferArgs, TransferFromArgs, decode_approve, decode_transfer, decode_transfer_from,
};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::{Memo, TransferArg};
use icrc_ledger_types::icrc2;

/// Which of the three decoders, in the order transfer, approve, transfer from, gave an argument. Panics where one gave
/// what `candid` does not.
pub fn taken(bytes: &[u8]) -> [bool; 3] {
    let transfer = decode_transfer(bytes);
    if let Some(ours) = transfer {
        let theirs = candid::decode_one::<TransferArg>(bytes);
        let theirs = theirs.unwrap_or_else(|e| panic!("candid refuses {}: {e}", hex::encode(bytes)));
        same_transfer(&ours, &theirs);
    }
    let approve = decode_approve(bytes);
    if let Some(ours) = approve {
        let theirs = candid::decode_one::<icrc2::approve::ApproveArgs>(bytes);
        let theirs = theirs.unwrap_or_else(|e| panic!("candid refuses {}: {e}", hex::encode(bytes)));
        same_approve(&ours, &theirs);
    }
    let transfer_from = decode_transfer_from(bytes);
    if let Some(ours) = transfer_from {
        let theirs = candid::decode_one::<icrc2::transfer_from::TransferFromArgs>(bytes);
        let theirs = theirs.unwrap_or_else(|e| panic!("candid refuses {}: {e}", hex::encode(bytes)));
        same_transfer_from(&ours, &theirs);
    }
    [transfer.is_some(), approve.is_some(), transfer_from.is_some()]
}

/// Asserts that every field is the same.
pub fn same_transfer(ours: &TransferArgs<'_>, theirs: &TransferArg) {
    assert_eq!(ours.from_subaccount, theirs.from_subaccount);
    same_account(&ours.to, &theirs.to);
    same_nat(ours.fee, theirs.fee.as_ref());
    assert_eq!(ours.created_at_time, theirs.created_at_time);
    same_memo(ours.memo, theirs.memo.as_ref());
    same_nat(Some(ours.amount), Some(&theirs.amount));
}

/// Asserts that every field is the same.
pub fn same_approve(ours: &ApproveArgs<'_>, theirs: &icrc2::approve::ApproveArgs) {
    assert_eq!(ours.from_subaccount, theirs.from_subaccount);
    same_account(&ours.spender, &theirs.spender);
    same_nat(Some(ours.amount), Some(&theirs.amount));
    same_nat(ours.expected_allowance, theirs.expected_allowance.as_ref());
    assert_eq!(ours.expires_at, theirs.expires_at);
    same_nat(ours.fee, theirs.fee.as_ref());
    same_memo(ours.memo, theirs.memo.as_ref());
    assert_eq!(ours.created_at_time, theirs.created_at_time);
}

/// Asserts that every field is the same.
pub fn same_transfer_from(ours: &TransferFromArgs<'_>, theirs: &icrc2::transfer_from::TransferFromArgs) {
    assert_eq!(ours.spender_subaccount, theirs.spender_subaccount);
    same_account(&ours.from, &theirs.from);
    same_account(&ours.to, &theirs.to);
    same_nat(Some(ours.amount), Some(&theirs.amount));
    same_nat(ours.fee, theirs.fee.as_ref());
    same_memo(ours.memo, theirs.memo.as_ref());
    assert_eq!(ours.created_at_time, theirs.created_at_time);
}

// Account's own equality takes no subaccount for one of zeros.
fn same_account(ours: &Account, theirs: &Account) {
    assert_eq!(ours.owner, theirs.owner);
    assert_eq!(ours.subaccount, theirs.subaccount);
}

fn same_nat(ours: Option<u128>, theirs: Option<&Nat>) {
    assert_eq!(ours.map(Nat::from).as_ref(), theirs);
}

fn same_memo(ours: Option<&[u8]>, theirs: Option<&Memo>) {
    assert_eq!(ours, theirs.map(|memo| memo.0.as_slice()));
}
