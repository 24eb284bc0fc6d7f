//! What an outsider does with a block log: follows the hashes and computes every balance from the blocks alone (ICRC-3, "Semantics
//! of Blocks"; ICRC-107, "Effective Fee Application").

use std::collections::BTreeMap;

use candid::{Nat, Principal};
use icrc_ledger_types::icrc::generic_value::{ICRC3Map, ICRC3Value};
use icrc_ledger_types::icrc1::account::Account;

/// What a log says.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Of every account that ever had one.
    pub balances: BTreeMap<Account, u128>,
    /// Hash of the last block.
    pub tip: Option<[u8; 32]>,
}

impl Replay {
    /// Sum of all balances.
    pub fn supply(&self) -> u128 {
        self.balances.values().sum()
    }
}

fn number(map: &ICRC3Map, key: &str) -> Result<Option<u128>, String> {
    match map.get(key) {
        None => Ok(None),
        Some(ICRC3Value::Nat(Nat(value))) => u128::try_from(value).map(Some).map_err(|_| format!("{key} is {value}")),
        Some(other) => Err(format!("{key} is {other}")),
    }
}

fn account(map: &ICRC3Map, key: &str) -> Result<Option<Account>, String> {
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

fn map<'a>(value: Option<&'a ICRC3Value>, what: &str) -> Result<&'a ICRC3Map, String> {
    match value {
        Some(ICRC3Value::Map(map)) => Ok(map),
        other => Err(format!("{what} is {other:?}, no map")),
    }
}

/// Replays a whole log, or says which block is wrong and why.
pub fn replay(blocks: impl IntoIterator<Item = ICRC3Value>) -> Result<Replay, String> {
    let mut replay = Replay::default();
    let mut collector = None;
    for (index, value) in blocks.into_iter().enumerate() {
        apply(&mut replay, &mut collector, &value).map_err(|error| format!("block {index}: {error}"))?;
        replay.tip = Some(value.hash());
    }
    Ok(replay)
}

fn apply(replay: &mut Replay, collector: &mut Option<Account>, value: &ICRC3Value) -> Result<(), String> {
    let block = map(Some(value), "the block")?;
    let tx = map(block.get("tx"), "tx")?;
    match (block.get("phash"), &replay.tip) {
        (None, None) => {}
        (Some(ICRC3Value::Blob(hash)), Some(parent)) if hash[..] == parent[..] => {}
        (have, expected) => return Err(format!("phash is {have:?}, not {expected:?}")),
    }
    let Some(ICRC3Value::Text(kind)) = block.get("btype") else {
        return Err("it has no btype".into());
    };
    if kind == "107feecol" {
        *collector = account(tx, "fee_collector")?;
        return Ok(());
    }
    let fee = number(block, "fee")?.or(number(tx, "fee")?).unwrap_or(0);
    let amount = number(tx, "amt")?.ok_or("it has no amt")?;
    let moved = if kind == "2approve" { 0 } else { amount };
    if let Some(from) = account(tx, "from")? {
        let balance = replay.balances.entry(from).or_default();
        *balance = moved
            .checked_add(fee)
            .and_then(|total| balance.checked_sub(total))
            .ok_or_else(|| format!("{from} has {balance}, which does not cover {moved} and {fee}"))?;
        if let Some(collector) = collector.filter(|_| fee > 0) {
            *replay.balances.entry(collector).or_default() += fee;
        }
    }
    if let Some(to) = account(tx, "to")? {
        *replay.balances.entry(to).or_default() += moved;
    }
    Ok(())
}
