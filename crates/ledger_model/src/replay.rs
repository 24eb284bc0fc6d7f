//! What an outsider does with a block log: follows the hashes and computes every balance from the blocks alone (ICRC-3, "Semantics
//! of Blocks"; ICRC-107, "Effective Fee Application").

use std::collections::BTreeMap;

use icrc_ledger_types::icrc::generic_value::{ICRC3Map, ICRC3Value};
use icrc_ledger_types::icrc1::account::Account;

use crate::fields::{account, map, number};

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

/// A block's type: its `btype`, or what its `tx.op` stands for where it has none (ICRC-3, "Block Types").
pub fn kind<'a>(block: &'a ICRC3Map, tx: &ICRC3Map) -> Result<&'a str, String> {
    match block.get("btype") {
        Some(ICRC3Value::Text(kind)) => return Ok(kind),
        Some(other) => return Err(format!("its btype is {other}")),
        None => {}
    }
    match tx.get("op") {
        Some(ICRC3Value::Text(op)) => match op.as_str() {
            "mint" => Ok("1mint"),
            "burn" => Ok("1burn"),
            "xfer" if tx.contains_key("spender") => Ok("2xfer"),
            "xfer" => Ok("1xfer"),
            "approve" => Ok("2approve"),
            other => Err(format!("its op is {other}")),
        },
        other => Err(format!("it has no btype, and its op is {other:?}")),
    }
}

fn apply(replay: &mut Replay, collector: &mut Option<Account>, value: &ICRC3Value) -> Result<(), String> {
    let block = map(Some(value), "the block")?;
    let tx = map(block.get("tx"), "tx")?;
    match (block.get("phash"), &replay.tip) {
        (None, None) => {}
        (Some(ICRC3Value::Blob(hash)), Some(parent)) if hash[..] == parent[..] => {}
        (have, expected) => return Err(format!("phash is {have:?}, not {expected:?}")),
    }
    let kind = kind(block, tx)?;
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
