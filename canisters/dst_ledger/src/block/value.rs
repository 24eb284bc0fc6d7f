//! A block as the value that ICRC-3 serves.

use std::collections::BTreeMap;

use candid::{Nat, Principal};
use icrc_ledger_types::icrc::generic_value::ICRC3Value;
use icrc_ledger_types::icrc1::account::Account;
use serde_bytes::ByteBuf;

use super::{Block, Field, Sha256Hash, Transaction, keys};

fn account_value(account: &Account) -> ICRC3Value {
    let owner = ICRC3Value::Blob(ByteBuf::from(account.owner.as_slice()));
    let subaccount = account
        .subaccount
        .map(|subaccount| ICRC3Value::Blob(ByteBuf::from(subaccount)));
    ICRC3Value::Array(std::iter::once(owner).chain(subaccount).collect())
}

/// The account that a value of a block stands for, `None` if it stands for none.
pub fn account_from_value(value: &ICRC3Value) -> Option<Account> {
    let ICRC3Value::Array(blobs) = value else { return None };
    let blob = |value: &ICRC3Value| match value {
        ICRC3Value::Blob(bytes) => Some(bytes.to_vec()),
        _ => None,
    };
    let owner = Principal::try_from_slice(&blob(blobs.first()?)?).ok()?;
    let subaccount = match blobs.get(1) {
        None => None,
        Some(subaccount) => Some(blob(subaccount)?.try_into().ok()?),
    };
    (blobs.len() <= 2).then_some(Account { owner, subaccount })
}

impl Transaction {
    /// The `tx` map.
    pub fn to_value(&self) -> ICRC3Value {
        let mut map = BTreeMap::new();
        self.fields(|key, field| {
            map.insert(key.text.to_owned(), field.to_value());
        });
        ICRC3Value::Map(map)
    }

    /// Hash of the `tx` map as older code wrote it: a change of the fee collector had its `mthd` as `op`.
    pub fn hash_by_older_code(&self) -> Sha256Hash {
        let mut value = self.to_value();
        if let ICRC3Value::Map(map) = &mut value
            && let Some(method) = map.remove(keys::MTHD.text)
        {
            map.insert(keys::OP.text.to_owned(), method);
        }
        value.hash()
    }
}

impl Block {
    /// The whole block.
    pub fn to_value(&self) -> ICRC3Value {
        let mut map = BTreeMap::new();
        self.fields(|key, field| {
            map.insert(key.text.to_owned(), field.to_value());
        });
        ICRC3Value::Map(map)
    }
}

impl Field<'_> {
    fn to_value(self) -> ICRC3Value {
        match self {
            Field::Constant(constant) => ICRC3Value::Text(constant.text.to_owned()),
            Field::Nat(value) => ICRC3Value::Nat(Nat::from(value)),
            Field::Blob(bytes) => ICRC3Value::Blob(ByteBuf::from(bytes)),
            Field::Account(account) => account_value(account),
            Field::Transaction(transaction) => transaction.to_value(),
        }
    }
}
