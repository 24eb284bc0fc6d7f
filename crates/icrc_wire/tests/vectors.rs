//! Arguments as Rust's and JavaScript's encoders write them, and replies as JavaScript reads them.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

#[path = "common/compare.rs"]
mod compare;

use candid::types::value::{IDLArgs, IDLField, IDLValue, VariantValue};
use candid::types::{Label, Type, TypeEnv};
use candid::{CandidType, Encode, Nat, Principal};
use compare::{same_approve, same_transfer, same_transfer_from, taken};
use ddsx_icrc_wire::{decode_approve, decode_transfer, decode_transfer_from, encode_ok};
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc1::transfer::{TransferArg, TransferError};
use icrc_ledger_types::icrc2::approve::{ApproveArgs, ApproveError};
use icrc_ledger_types::icrc2::transfer_from::{TransferFromArgs, TransferFromError};
use serde_bytes::ByteBuf;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/vectors.json")).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn account(value: &Value) -> Account {
    Account {
        owner: Principal::from_slice(&bytes(&value["owner"])),
        subaccount: subaccount(&value["subaccount"]),
    }
}

fn subaccount(value: &Value) -> Option<[u8; 32]> {
    (!value.is_null()).then(|| bytes(value).try_into().unwrap())
}

fn nat(value: &Value) -> Nat {
    value.as_str().unwrap().parse().unwrap()
}

fn opt_nat(value: &Value) -> Option<Nat> {
    (!value.is_null()).then(|| nat(value))
}

fn opt_nat64(value: &Value) -> Option<u64> {
    value.as_str().map(|digits| digits.parse().unwrap())
}

fn opt_blob(value: &Value) -> Option<ByteBuf> {
    (!value.is_null()).then(|| ByteBuf::from(bytes(value)))
}

enum Args {
    Transfer(TransferArg),
    Approve(ApproveArgs),
    TransferFrom(TransferFromArgs),
}

impl Args {
    fn from_json(method: &str, args: &Value) -> Self {
        let amount = nat(&args["amount"]);
        let fee = opt_nat(&args["fee"]);
        let memo = opt_blob(&args["memo"]).map(Into::into);
        let created_at_time = opt_nat64(&args["created_at_time"]);
        match method {
            "icrc1_transfer" => Self::Transfer(TransferArg {
                from_subaccount: subaccount(&args["from_subaccount"]),
                to: account(&args["to"]),
                fee,
                created_at_time,
                memo,
                amount,
            }),
            "icrc2_approve" => Self::Approve(ApproveArgs {
                from_subaccount: subaccount(&args["from_subaccount"]),
                spender: account(&args["spender"]),
                amount,
                expected_allowance: opt_nat(&args["expected_allowance"]),
                expires_at: opt_nat64(&args["expires_at"]),
                fee,
                memo,
                created_at_time,
            }),
            "icrc2_transfer_from" => Self::TransferFrom(TransferFromArgs {
                spender_subaccount: subaccount(&args["spender_subaccount"]),
                from: account(&args["from"]),
                to: account(&args["to"]),
                amount,
                fee,
                memo,
                created_at_time,
            }),
            other => panic!("no such method: {other}"),
        }
    }

    /// Asserts that the method's decoder takes the message and gives these arguments.
    fn assert_decoded(&self, message: &[u8]) {
        match self {
            Self::Transfer(expected) => same_transfer(&decode_transfer(message).unwrap(), expected),
            Self::Approve(expected) => same_approve(&decode_approve(message).unwrap(), expected),
            Self::TransferFrom(expected) => same_transfer_from(&decode_transfer_from(message).unwrap(), expected),
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Transfer(args) => Encode!(args),
            Self::Approve(args) => Encode!(args),
            Self::TransferFrom(args) => Encode!(args),
        }
        .unwrap()
    }

    fn ty(&self) -> Type {
        match self {
            Self::Transfer(_) => TransferArg::ty(),
            Self::Approve(_) => ApproveArgs::ty(),
            Self::TransferFrom(_) => TransferFromArgs::ty(),
        }
    }
}

fn calls() -> Vec<(Args, Vec<u8>)> {
    let vectors = vectors();
    let calls = vectors["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 36);
    let call = |call: &Value| {
        let method = call["method"].as_str().unwrap();
        (Args::from_json(method, &call["args"]), bytes(&call["encoded"]))
    };
    calls.iter().map(call).collect()
}

#[test]
fn should_decode_what_javascript_encodes() {
    for (args, encoded) in calls() {
        args.assert_decoded(&encoded);
        assert_eq!(taken(&encoded).iter().filter(|taken| **taken).count(), 1);
    }
}

#[test]
fn should_decode_what_rust_encodes() {
    for (args, _) in calls() {
        args.assert_decoded(&args.encode());
    }
}

/// `didc` and the wallets built on it encode a value with no Rust type of its own.
#[test]
fn should_decode_what_didc_encodes() {
    for (args, encoded) in calls() {
        let value = IDLArgs::from_bytes_with_types(&encoded, &TypeEnv::new(), &[args.ty()]).unwrap();
        let encoded = value.to_bytes_with_types(&TypeEnv::new(), &[args.ty()]).unwrap();
        args.assert_decoded(&encoded);
    }
}

/// Without the types, absent fields go out as `null` and the others in their own types, not in an `opt`'s.
#[test]
fn should_decode_values_encoded_by_their_own_types() {
    for (args, encoded) in calls() {
        let value = IDLArgs::from_bytes_with_types(&encoded, &TypeEnv::new(), &[args.ty()]).unwrap();
        args.assert_decoded(&value.to_bytes().unwrap());
    }
}

#[test]
fn should_leave_to_candid_what_it_is_not_sure_of() {
    let owner = || field("owner", IDLValue::Principal(Principal::management_canister()));
    let to = |fields| field("to", IDLValue::Record(fields));
    let amount = || field("amount", IDLValue::Nat(1u8.into()));
    let encode = |mut fields: Vec<IDLField>| {
        fields.sort_by_key(|field| field.id.get_id());
        IDLArgs::new(&[IDLValue::Record(fields)]).to_bytes().unwrap()
    };
    let plain = encode(vec![to(vec![owner()]), amount()]);
    assert_eq!(taken(&plain), [true, false, false]);

    let u128_max: Nat = u128::MAX.into();
    let blob = |len: u8| IDLValue::Blob((0..len).collect());
    let cases = [
        (
            "an amount above u128::MAX",
            true,
            vec![to(vec![owner()]), field("amount", IDLValue::Nat(u128_max + 1u8))],
        ),
        (
            "an unexpected field",
            true,
            vec![to(vec![owner()]), amount(), field("extra", IDLValue::Nat8(1))],
        ),
        (
            "a memo of another type",
            true,
            vec![to(vec![owner()]), amount(), field("memo", IDLValue::Text("a".into()))],
        ),
        ("a service as owner", true, {
            vec![
                to(vec![field("owner", IDLValue::Service(Principal::anonymous()))]),
                amount(),
            ]
        }),
        ("no amount", false, vec![to(vec![owner()])]),
        ("no account", false, vec![amount()]),
        (
            "a fixed-width amount",
            false,
            vec![to(vec![owner()]), field("amount", IDLValue::Nat64(1))],
        ),
        ("a variant as account", false, {
            let case = VariantValue(Box::new(owner()), 0);
            vec![field("to", IDLValue::Variant(case)), amount()]
        }),
        (
            "a subaccount of 31 bytes",
            false,
            vec![to(vec![owner(), field("subaccount", blob(31))]), amount()],
        ),
    ];
    for (what, candid_takes_it, fields) in cases {
        let message = encode(fields);
        assert_eq!(taken(&message), [false; 3], "{what}");
        assert_eq!(
            candid::decode_one::<TransferArg>(&message).is_ok(),
            candid_takes_it,
            "{what}"
        );
    }

    let trailing = [&plain[..], &[0]].concat();
    assert_eq!(taken(&trailing), [false; 3]);
    for end in 0..plain.len() {
        assert_eq!(taken(&plain[..end]), [false; 3], "cut at {end}");
    }
}

fn field(name: &str, val: IDLValue) -> IDLField {
    let id = Label::Named(name.to_string());
    IDLField { id, val }
}

#[test]
fn should_encode_replies_that_rust_and_javascript_read() {
    let vectors = vectors();
    for reply in vectors["replies"].as_array().unwrap() {
        let block_index: u64 = reply["block_index"].as_str().unwrap().parse().unwrap();
        let encoded = encode_ok(block_index);
        assert_eq!(
            hex::encode(encoded),
            reply["encoded"].as_str().unwrap(),
            "block {block_index}"
        );

        let block_index = Nat::from(block_index);
        assert_eq!(
            candid::decode_one::<Result<Nat, TransferError>>(&encoded)
                .unwrap()
                .as_ref(),
            Ok(&block_index)
        );
        assert_eq!(
            candid::decode_one::<Result<Nat, ApproveError>>(&encoded)
                .unwrap()
                .as_ref(),
            Ok(&block_index)
        );
        assert_eq!(
            candid::decode_one::<Result<Nat, TransferFromError>>(&encoded)
                .unwrap()
                .as_ref(),
            Ok(&block_index)
        );
    }
}
