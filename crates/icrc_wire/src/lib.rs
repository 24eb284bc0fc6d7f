//! The Candid of a ledger's three hot calls, decoded and answered in a few thousand instructions.
//!
//! [`decode_transfer`], [`decode_approve`] and [`decode_transfer_from`] read the argument of `icrc1_transfer`,
//! `icrc2_approve` and `icrc2_transfer_from`. Each promises:
//!
//! - `Some(args)` only where `candid::decode_one` of the type in `icrc_ledger_types` (`TransferArg`, `ApproveArgs`,
//!   `TransferFromArgs`) succeeds and gives the same values.
//! - `None` says "not for me", never "wrong": the caller then decodes with `candid`, which gives the right answer or
//!   the right error. So nothing here has an error type.
//! - No input panics, nothing is allocated, and the work is bounded without a quota. Value bytes are read once, each
//!   field being read in its turn and none of them skipped. Of the type table at most 32 entries and 96 fields are read,
//!   once to check them and then once more for each place an expected record stands in: three at most.
//!
//! The header may be any client's: two known ones (Rust's `candid` and JavaScript's `@icp-sdk/core`) are recognised by
//! their bytes, all others are parsed, and the values are then read by the sender's types. Taken are the expected types
//! and the subtypes that are cheap to read: for `opt t` also `t`, `null`, `reserved`, no field at all, and an absent
//! value of any other `opt`. Everything else falls back to `candid`: fields that are not expected, services in the place of principals,
//! amounts above `u128::MAX`, more than one argument, tables with functions, services, variants or future types.
//!
//! [`encode_ok`] gives the reply of a call that succeeded.

mod header;
mod known;
mod read;
mod reply;

use icrc_ledger_types::icrc1::account::{Account, Subaccount};

use header::{Expected, Kind, Plan, Wire};
use read::Reader;
pub use reply::{OkReply, encode_ok};

/// The argument of `icrc1_transfer`; field for field `icrc_ledger_types::icrc1::transfer::TransferArg`.
///
/// Amounts are in the token's smallest unit, times in nanoseconds since 1970. Compare accounts field by field where an
/// absent subaccount and one of 32 zeros must differ: `Account`'s own equality takes them for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferArgs<'a> {
    /// The caller's subaccount that pays.
    pub from_subaccount: Option<Subaccount>,
    /// Account that receives.
    pub to: Account,
    /// Fee that the caller expects.
    pub fee: Option<u128>,
    /// When the caller made the call; what deduplication goes by.
    pub created_at_time: Option<u64>,
    /// Bytes of any length, borrowed from the message.
    pub memo: Option<&'a [u8]>,
    /// Amount that arrives.
    pub amount: u128,
}

/// The argument of `icrc2_approve`; field for field `icrc_ledger_types::icrc2::approve::ApproveArgs`.
///
/// Units as in [`TransferArgs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApproveArgs<'a> {
    /// The caller's subaccount that the spender may take from.
    pub from_subaccount: Option<Subaccount>,
    /// Account that may take.
    pub spender: Account,
    /// Allowance after the call.
    pub amount: u128,
    /// Allowance that the caller expects before the call.
    pub expected_allowance: Option<u128>,
    /// When the allowance ends.
    pub expires_at: Option<u64>,
    /// Fee that the caller expects.
    pub fee: Option<u128>,
    /// Bytes of any length, borrowed from the message.
    pub memo: Option<&'a [u8]>,
    /// When the caller made the call; what deduplication goes by.
    pub created_at_time: Option<u64>,
}

/// The argument of `icrc2_transfer_from`; field for field `icrc_ledger_types::icrc2::transfer_from::TransferFromArgs`.
///
/// Units as in [`TransferArgs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferFromArgs<'a> {
    /// The caller's subaccount that holds the allowance.
    pub spender_subaccount: Option<Subaccount>,
    /// Account that pays.
    pub from: Account,
    /// Account that receives.
    pub to: Account,
    /// Amount that arrives.
    pub amount: u128,
    /// Fee that the caller expects.
    pub fee: Option<u128>,
    /// Bytes of any length, borrowed from the message.
    pub memo: Option<&'a [u8]>,
    /// When the caller made the call; what deduplication goes by.
    pub created_at_time: Option<u64>,
}

// The expected fields of each argument, in ascending order of their hashes, which is their order on the wire. The
// functions `…_values` below read them in the same order.
const TRANSFER: [Expected; 6] = header::ascending([
    Expected::new("to", Kind::Account),
    Expected::new("fee", Kind::OptNat),
    Expected::new("memo", Kind::OptBlob),
    Expected::new("from_subaccount", Kind::OptBlob),
    Expected::new("created_at_time", Kind::OptNat64),
    Expected::new("amount", Kind::Nat),
]);
const APPROVE: [Expected; 8] = header::ascending([
    Expected::new("fee", Kind::OptNat),
    Expected::new("memo", Kind::OptBlob),
    Expected::new("from_subaccount", Kind::OptBlob),
    Expected::new("created_at_time", Kind::OptNat64),
    Expected::new("amount", Kind::Nat),
    Expected::new("expected_allowance", Kind::OptNat),
    Expected::new("expires_at", Kind::OptNat64),
    Expected::new("spender", Kind::Account),
]);
const TRANSFER_FROM: [Expected; 7] = header::ascending([
    Expected::new("to", Kind::Account),
    Expected::new("fee", Kind::OptNat),
    Expected::new("spender_subaccount", Kind::OptBlob),
    Expected::new("from", Kind::Account),
    Expected::new("memo", Kind::OptBlob),
    Expected::new("created_at_time", Kind::OptNat64),
    Expected::new("amount", Kind::Nat),
]);

/// Decodes the argument of `icrc1_transfer`, or gives `None`: decode with `candid` then.
pub fn decode_transfer(bytes: &[u8]) -> Option<TransferArgs<'_>> {
    if let Some(values) = known::after_known_header(bytes, &known::TRANSFER) {
        return transfer_values([Wire::Same; 6], values);
    }
    let (plan, values) = header::parse(bytes, &TRANSFER)?;
    transfer_values(plan, values)
}

/// Decodes the argument of `icrc2_approve`, or gives `None`: decode with `candid` then.
pub fn decode_approve(bytes: &[u8]) -> Option<ApproveArgs<'_>> {
    if let Some(values) = known::after_known_header(bytes, &known::APPROVE) {
        return approve_values([Wire::Same; 8], values);
    }
    let (plan, values) = header::parse(bytes, &APPROVE)?;
    approve_values(plan, values)
}

/// Decodes the argument of `icrc2_transfer_from`, or gives `None`: decode with `candid` then.
pub fn decode_transfer_from(bytes: &[u8]) -> Option<TransferFromArgs<'_>> {
    if let Some(values) = known::after_known_header(bytes, &known::TRANSFER_FROM) {
        return transfer_from_values([Wire::Same; 7], values);
    }
    let (plan, values) = header::parse(bytes, &TRANSFER_FROM)?;
    transfer_from_values(plan, values)
}

#[inline]
fn transfer_values(plan: Plan<6>, mut values: Reader<'_>) -> Option<TransferArgs<'_>> {
    let to = values.account(plan[0])?;
    let fee = values.opt_nat(plan[1])?;
    let memo = values.opt_blob(plan[2])?;
    let from_subaccount = values.opt_subaccount(plan[3])?;
    let created_at_time = values.opt_nat64(plan[4])?;
    let amount = values.nat()?;
    values.finished().then_some(TransferArgs {
        from_subaccount,
        to,
        fee,
        created_at_time,
        memo,
        amount,
    })
}

#[inline]
fn approve_values(plan: Plan<8>, mut values: Reader<'_>) -> Option<ApproveArgs<'_>> {
    let fee = values.opt_nat(plan[0])?;
    let memo = values.opt_blob(plan[1])?;
    let from_subaccount = values.opt_subaccount(plan[2])?;
    let created_at_time = values.opt_nat64(plan[3])?;
    let amount = values.nat()?;
    let expected_allowance = values.opt_nat(plan[5])?;
    let expires_at = values.opt_nat64(plan[6])?;
    let spender = values.account(plan[7])?;
    values.finished().then_some(ApproveArgs {
        from_subaccount,
        spender,
        amount,
        expected_allowance,
        expires_at,
        fee,
        memo,
        created_at_time,
    })
}

#[inline]
fn transfer_from_values(plan: Plan<7>, mut values: Reader<'_>) -> Option<TransferFromArgs<'_>> {
    let to = values.account(plan[0])?;
    let fee = values.opt_nat(plan[1])?;
    let spender_subaccount = values.opt_subaccount(plan[2])?;
    let from = values.account(plan[3])?;
    let memo = values.opt_blob(plan[4])?;
    let created_at_time = values.opt_nat64(plan[5])?;
    let amount = values.nat()?;
    values.finished().then_some(TransferFromArgs {
        spender_subaccount,
        from,
        to,
        amount,
        fee,
        memo,
        created_at_time,
    })
}
