//! How the three hot calls come in and go out: by our own bounded decoder where it knows the bytes ([`ddsx_icrc_wire`]), by
//! `candid` where it does not. The types here stand in the endpoints' signatures; to Candid they are the standards' own.

use std::marker::PhantomData;

use candid::types::{Serializer, Type};
use candid::{CandidType, Nat};
use icrc_ledger_types::icrc1::transfer::TransferArg;
use icrc_ledger_types::icrc2::approve::ApproveArgs;
use icrc_ledger_types::icrc2::transfer_from::TransferFromArgs;
use serde::de::DeserializeOwned;
use serde::ser::Error as _;

use dst_ledger::inspect::too_long;
use dst_ledger::ledger::request::{Approve, Quantity, Transfer, TransferFrom};

/// An argument that was decoded into a `T` and that Candid knows as a `C`.
pub struct Argument<T, C> {
    /// What was decoded.
    pub value: T,
    candid: PhantomData<C>,
}

impl<T, C> From<T> for Argument<T, C> {
    fn from(value: T) -> Self {
        Self {
            value,
            candid: PhantomData,
        }
    }
}

impl<T, C: CandidType> CandidType for Argument<T, C> {
    fn _ty() -> Type {
        C::ty()
    }

    fn idl_serialize<S: Serializer>(&self, _: S) -> Result<(), S::Error> {
        Err(S::Error::custom("an argument is only decoded"))
    }
}

/// The index of a block, `nat` to Candid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockIndex(pub u64);

impl CandidType for BlockIndex {
    fn _ty() -> Type {
        Nat::ty()
    }

    fn idl_serialize<S: Serializer>(&self, serializer: S) -> Result<(), S::Error> {
        Nat::from(self.0).idl_serialize(serializer)
    }
}

/// Refuses an argument longer than any that is taken: at the door it is refused for nothing, but calls of canisters do not pass there.
fn check_length(bytes: &[u8]) {
    if let Some(refusal) = too_long(bytes.len()) {
        ic_cdk::trap(refusal);
    }
}

/// Decodes as ic-cdk does: an argument that cannot be read is the caller's mistake, and the call is rejected with what is wrong.
fn decode<C: CandidType + DeserializeOwned>(bytes: &[u8]) -> C {
    let mut config = candid::DecoderConfig::new();
    config.set_skipping_quota(10_000);
    match candid::utils::decode_one_with_config(bytes, &config) {
        Ok(value) => value,
        Err(error) => ic_cdk::trap(format!("failed to decode call arguments: {error}")),
    }
}

/// Decodes the argument of a changing method that is not called often; traps if it cannot be read or is too long.
#[allow(clippy::needless_pass_by_value, reason = "ic-cdk passes the bytes so")]
pub fn bounded<C: CandidType + DeserializeOwned>(bytes: Vec<u8>) -> C {
    check_length(&bytes);
    decode(&bytes)
}

fn memo(memo: Option<&[u8]>) -> Option<Vec<u8>> {
    memo.map(<[u8]>::to_vec)
}

/// Decodes the argument of `icrc1_transfer`; traps if it cannot be read or is too long.
#[allow(clippy::needless_pass_by_value, reason = "ic-cdk passes the bytes so")]
pub fn transfer(bytes: Vec<u8>) -> Argument<Transfer, TransferArg> {
    check_length(&bytes);
    match ddsx_icrc_wire::decode_transfer(&bytes) {
        Some(args) => Transfer {
            from_subaccount: args.from_subaccount,
            to: args.to,
            amount: args.amount.into(),
            fee: args.fee.map(Quantity::Of),
            memo: memo(args.memo),
            created_at_time: args.created_at_time,
        },
        None => decode::<TransferArg>(&bytes).into(),
    }
    .into()
}

/// Decodes the argument of `icrc2_approve`; traps if it cannot be read or is too long.
#[allow(clippy::needless_pass_by_value, reason = "ic-cdk passes the bytes so")]
pub fn approve(bytes: Vec<u8>) -> Argument<Approve, ApproveArgs> {
    check_length(&bytes);
    match ddsx_icrc_wire::decode_approve(&bytes) {
        Some(args) => Approve {
            from_subaccount: args.from_subaccount,
            spender: args.spender,
            amount: args.amount.into(),
            expected_allowance: args.expected_allowance.map(Quantity::Of),
            expires_at: args.expires_at,
            fee: args.fee.map(Quantity::Of),
            memo: memo(args.memo),
            created_at_time: args.created_at_time,
        },
        None => decode::<ApproveArgs>(&bytes).into(),
    }
    .into()
}

/// Decodes the argument of `icrc2_transfer_from`; traps if it cannot be read or is too long.
#[allow(clippy::needless_pass_by_value, reason = "ic-cdk passes the bytes so")]
pub fn transfer_from(bytes: Vec<u8>) -> Argument<TransferFrom, TransferFromArgs> {
    check_length(&bytes);
    match ddsx_icrc_wire::decode_transfer_from(&bytes) {
        Some(args) => TransferFrom {
            spender_subaccount: args.spender_subaccount,
            from: args.from,
            to: args.to,
            amount: args.amount.into(),
            fee: args.fee.map(Quantity::Of),
            memo: memo(args.memo),
            created_at_time: args.created_at_time,
        },
        None => decode::<TransferFromArgs>(&bytes).into(),
    }
    .into()
}

/// Encodes what a hot call answers; success as the subtype `variant { Ok : nat }` of its result.
pub fn reply<E: CandidType>(result: Result<BlockIndex, E>) -> Vec<u8> {
    match result {
        Ok(BlockIndex(index)) => ddsx_icrc_wire::encode_ok(index).to_vec(),
        // Only a value that cannot be written fails to encode, and errors are plain records.
        Err(_) => candid::encode_one(result).unwrap_or_else(|error| ic_cdk::trap(error.to_string())),
    }
}
