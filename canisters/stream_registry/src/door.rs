//! Refusing at the door what cannot succeed: before an ingress message is taken in, at no cost to the canister.
//!
//! One node alone decides here, and canisters come in by another door: so nothing rests on it, and every method checks again. A refusal is a
//! trap whose text the caller gets.

use candid::Principal;
use ddsx_types::TimestampNs;
use ddsx_types::stream_registry::{AppendArgs, StreamId};

use crate::publishers;
use crate::storage::Storage;

/// Methods of governance; its `validate_` twins are queries.
const GOVERNED: [&str; 12] = [
    "set_paused",
    "list_asset",
    "delist_asset",
    "set_protocol_fee",
    "set_treasury",
    "set_governance",
    "set_payout_interval",
    "settle_quarantined",
    "settle_quarantined_batch",
    "set_storage_price",
    "suspend_stream",
    "free_stream",
];

/// Queries that read or answer much. As updates they would cost the canister what nobody pays. What a buyer or a provider decides on
/// (`quote`, `plans`, `contributors`) is small, and clients ask it as an update, so that the whole subnet answers.
const DEAR_QUERIES: [&str; 8] = [
    "pull",
    "list_streams",
    "contributor_revenue",
    "stream_income",
    "licences_of",
    "publishers",
    "quarantined_payments",
    "http_request",
];

/// Updates that do nothing while the registry is paused. `buy`, `top_up` and `create_stream` still answer what became of a payment.
const STOPPED_BY_PAUSE: [&str; 13] = [
    "append",
    "close_stream",
    "add_contributors",
    "bind_contributor_account",
    "change_contributor_account",
    "set_publisher",
    "remove_publisher",
    "add_plan",
    "retire_plan",
    "claim",
    "withdraw",
    "extend_storage",
    "drop_payloads",
];

/// Why a message cannot succeed, if that can be seen cheaply.
pub fn refuse(
    storage: &Storage,
    caller: Principal,
    now: TimestampNs,
    method: &str,
    argument: &[u8],
) -> Result<(), String> {
    if DEAR_QUERIES.contains(&method) {
        return Err(format!("{method} is a query: call it as one"));
    }
    if caller == Principal::anonymous() {
        return Err("sign in first: the anonymous principal changes nothing".to_owned());
    }
    let settings = storage.settings();
    if GOVERNED.contains(&method) && caller != settings.governance {
        return Err(format!("only governance ({}) may do this", settings.governance));
    }
    if settings.paused && STOPPED_BY_PAUSE.contains(&method) {
        return Err("the registry is paused by governance; try again later".to_owned());
    }
    if method == "append" {
        return refuse_append(storage, caller, now, argument);
    }
    Ok(())
}

/// An append by somebody who may not.
fn refuse_append(storage: &Storage, caller: Principal, now: TimestampNs, argument: &[u8]) -> Result<(), String> {
    let Some(stream) = stream_of_append(argument) else {
        return Ok(());
    };
    let Some(state) = storage.stream(stream) else {
        return Err("there is no such stream".to_owned());
    };
    if publishers::writer(storage, stream, &state, caller, now).is_none() {
        return Err("only the stream's owner and its publishers append to it".to_owned());
    }
    Ok(())
}

/// The argument of `append`; without its chunks if the caller is one that will be refused anyway, so that nothing large is decoded for it.
/// `None` if it is no such argument.
pub fn append_args(storage: &Storage, caller: Principal, now: TimestampNs, argument: &[u8]) -> Option<AppendArgs> {
    let refused = caller == Principal::anonymous()
        || storage.settings().paused
        || refuse_append(storage, caller, now, argument).is_err();
    match stream_of_append(argument).filter(|_| refused) {
        Some(stream) => Some(AppendArgs {
            stream,
            expected_sequence: 0,
            chunks: Vec::new(),
        }),
        None => decode_bounded(argument),
    }
}

/// Decodes it with the quota of skipping that ic-cdk gives every method: what is not asked for, values of no size among it, must not
/// keep the canister at work.
fn decode_bounded(argument: &[u8]) -> Option<AppendArgs> {
    let mut config = candid::DecoderConfig::new();
    config.set_skipping_quota(10_000);
    candid::utils::decode_one_with_config(argument, &config).ok()
}

/// Candid's hash of `stream`: the smallest of the fields of `AppendArgs`, so that it comes first in the record.
const STREAM_FIELD: u64 = 288_167_040;
/// Entries of a type table that are read at most.
const MAX_TYPES: u64 = 64;

/// The stream that an argument of `append` names, read from the head of the message. `None` if it begins otherwise than such
/// arguments do; then it is decoded in full.
pub fn stream_of_append(argument: &[u8]) -> Option<StreamId> {
    /// Candid's codes of the types that may stand there.
    const NAT64: i64 = -8;
    const OPT: i64 = -18;
    const VEC: i64 = -19;
    const RECORD: i64 = -20;
    const VARIANT: i64 = -21;
    let mut bytes = argument.strip_prefix(b"DIDL")?;
    let types = unsigned(&mut bytes)?;
    if types > MAX_TYPES {
        return None;
    }
    let mut first_fields = Vec::new();
    for _ in 0..types {
        match signed(&mut bytes)? {
            OPT | VEC => {
                signed(&mut bytes)?;
                first_fields.push(None);
            }
            code @ (RECORD | VARIANT) => {
                let fields = unsigned(&mut bytes)?;
                let mut first = None;
                for _ in 0..fields {
                    let field = (unsigned(&mut bytes)?, signed(&mut bytes)?);
                    first.get_or_insert(field);
                }
                first_fields.push(first.filter(|_| code == RECORD));
            }
            _ => return None,
        }
    }
    if unsigned(&mut bytes)? == 0 {
        return None;
    }
    let index = usize::try_from(signed(&mut bytes)?).ok()?;
    if first_fields.get(index)? != &Some((STREAM_FIELD, NAT64)) {
        return None;
    }
    let stream = bytes.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*stream))
}

/// An unsigned LEB128 number of at most 64 bits.
fn unsigned(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A signed LEB128 number of at most 63 bits.
fn signed(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0_i64;
    for shift in (0..56).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= i64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let negative = byte & 0x40 != 0;
            return Some(if negative { value - (1 << (shift + 7)) } else { value });
        }
    }
    None
}

#[cfg(test)]
mod tests;
