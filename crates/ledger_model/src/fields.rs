//! Reading a block's fields.

use candid::{Nat, Principal};
use icrc_ledger_types::icrc::generic_value::{ICRC3Map, ICRC3Value};
use icrc_ledger_types::icrc1::account::Account;

pub(crate) fn number(map: &ICRC3Map, key: &str) -> Result<Option<u128>, String> {
    match map.get(key) {
        None => Ok(None),
        Some(ICRC3Value::Nat(Nat(value))) => u128::try_from(value).map(Some).map_err(|_| format!("{key} is {value}")),
        Some(other) => Err(format!("{key} is {other}")),
    }
}

pub(crate) fn account(map: &ICRC3Map, key: &str) -> Result<Option<Account>, String> {
    let Some(value) = map.get(key) else { return Ok(None) };
    let wrong = || format!("{key} is {value}, no account");
    let ICRC3Value::Array(parts) = value else {
        return Err(wrong());
    };
    let blobs: Vec<&[u8]> = parts
        .iter()
        .map(|part| match part {
            ICRC3Value::Blob(bytes) => Ok(&bytes[..]),
            _ => Err(wrong()),
        })
        .collect::<Result<_, _>>()?;
    let (owner, subaccount) = match blobs[..] {
        [owner] => (owner, None),
        [owner, subaccount] => (owner, Some(subaccount.try_into().map_err(|_| wrong())?)),
        _ => return Err(wrong()),
    };
    let owner = Principal::try_from_slice(owner).map_err(|_| wrong())?;
    Ok(Some(Account { owner, subaccount }))
}

pub(crate) fn map<'a>(value: Option<&'a ICRC3Value>, what: &str) -> Result<&'a ICRC3Map, String> {
    match value {
        Some(ICRC3Value::Map(map)) => Ok(map),
        other => Err(format!("{what} is {other:?}, no map")),
    }
}
