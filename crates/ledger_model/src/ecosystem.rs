//! What the ecosystem's index makes of a block log, after the sources of DFINITY's `ic-icrc1` (how a block is decoded and encoded)
//! and `index-ng` (what is refused, and what a block does to balances). Where its versions differ, the strictest: that of 2025-10
//! knows no `btype`; those of 2026 pass one on, and read `107feecol` with `tx.mthd`.
//!
//! The index decodes a block into the fields that it knows, encodes those again and compares the hashes: with any other field, or a
//! known one where it does not belong, it says *unknown fields* and stops for ever. Its tokens have 64 bits or 256; here they have
//! 128, which is what this ledger's have, and so what the index of 256 bits takes of it.

use std::collections::BTreeMap;

use candid::{Nat, Principal};
use icrc_ledger_types::icrc::generic_value::{ICRC3Map, ICRC3Value};
use icrc_ledger_types::icrc1::account::Account;
use serde_bytes::ByteBuf;

use crate::fields::{account, map, number};

#[cfg(test)]
mod tests;

/// The one `btype` that every index which knows any passes on.
const FEE_COLLECTOR: &str = "107feecol";

/// What a block does, `ic_icrc1::Operation`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    Mint {
        to: Account,
        amount: u128,
        fee: Option<u128>,
    },
    Burn {
        from: Account,
        spender: Option<Account>,
        amount: u128,
        fee: Option<u128>,
    },
    Transfer {
        from: Account,
        to: Account,
        spender: Option<Account>,
        amount: u128,
        fee: Option<u128>,
    },
    Approve {
        from: Account,
        spender: Account,
        amount: u128,
        expected_allowance: Option<u128>,
        expires_at: Option<u64>,
        fee: Option<u128>,
    },
    FeeCollector {
        fee_collector: Option<Account>,
        caller: Option<Principal>,
        mthd: Option<String>,
    },
}

/// `ic_icrc1::Block`, without the fields of the older way to collect fees, which this ledger never had.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    parent_hash: Option<[u8; 32]>,
    operation: Operation,
    created_at_time: Option<u64>,
    memo: Option<Vec<u8>>,
    effective_fee: Option<u128>,
    timestamp: u64,
    btype: Option<String>,
}

fn text(map: &ICRC3Map, key: &str) -> Result<Option<String>, String> {
    match map.get(key) {
        None => Ok(None),
        Some(ICRC3Value::Text(text)) => Ok(Some(text.clone())),
        Some(other) => Err(format!("{key} is {other}")),
    }
}

fn blob(map: &ICRC3Map, key: &str) -> Result<Option<Vec<u8>>, String> {
    match map.get(key) {
        None => Ok(None),
        Some(ICRC3Value::Blob(bytes)) => Ok(Some(bytes.to_vec())),
        Some(other) => Err(format!("{key} is {other}")),
    }
}

fn time(map: &ICRC3Map, key: &str) -> Result<Option<u64>, String> {
    number(map, key)?
        .map(|time| u64::try_from(time).map_err(|_| format!("{key} is {time}")))
        .transpose()
}

fn needed<T>(value: Option<T>, key: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("`{key}` field required"))
}

impl Operation {
    fn decode(btype: Option<&str>, tx: &ICRC3Map) -> Result<Self, String> {
        let op = text(tx, "op")?;
        let amount = || needed(number(tx, "amt")?, "amt");
        let of = |key| needed(account(tx, key)?, key);
        let fee = number(tx, "fee")?;
        let spender = account(tx, "spender")?;
        if btype == Some(FEE_COLLECTOR) {
            let caller = blob(tx, "caller")?
                .map(|bytes| Principal::try_from_slice(&bytes).map_err(|error| error.to_string()))
                .transpose()?;
            return Ok(Self::FeeCollector {
                fee_collector: account(tx, "fee_collector")?,
                caller,
                mthd: text(tx, "mthd")?,
            });
        }
        match op.as_deref() {
            Some("mint") => Ok(Self::Mint {
                to: of("to")?,
                amount: amount()?,
                fee,
            }),
            Some("burn") => Ok(Self::Burn {
                from: of("from")?,
                spender,
                amount: amount()?,
                fee,
            }),
            Some("xfer") => Ok(Self::Transfer {
                from: of("from")?,
                to: of("to")?,
                spender,
                amount: amount()?,
                fee,
            }),
            Some("approve") => Ok(Self::Approve {
                from: of("from")?,
                spender: needed(spender, "spender")?,
                amount: amount()?,
                expected_allowance: number(tx, "expected_allowance")?,
                expires_at: time(tx, "expires_at")?,
                fee,
            }),
            Some(other) => Err(format!("unknown operation {other} and/or unknown btype {btype:?}")),
            None => Err(format!("no operation specified and/or unknown btype {btype:?}")),
        }
    }

    fn put(&self, tx: &mut Fields) {
        match self {
            Self::Mint { to, amount, fee } => {
                tx.text("op", Some("mint"));
                tx.account("to", Some(to));
                tx.nat("amt", Some(*amount));
                tx.nat("fee", *fee);
            }
            Self::Burn {
                from,
                spender,
                amount,
                fee,
            } => {
                tx.text("op", Some("burn"));
                tx.account("from", Some(from));
                tx.account("spender", spender.as_ref());
                tx.nat("amt", Some(*amount));
                tx.nat("fee", *fee);
            }
            Self::Transfer {
                from,
                to,
                spender,
                amount,
                fee,
            } => {
                tx.text("op", Some("xfer"));
                tx.account("from", Some(from));
                tx.account("to", Some(to));
                tx.account("spender", spender.as_ref());
                tx.nat("amt", Some(*amount));
                tx.nat("fee", *fee);
            }
            Self::Approve {
                from,
                spender,
                amount,
                expected_allowance,
                expires_at,
                fee,
            } => {
                tx.text("op", Some("approve"));
                tx.account("from", Some(from));
                tx.account("spender", Some(spender));
                tx.nat("amt", Some(*amount));
                tx.nat("expected_allowance", *expected_allowance);
                tx.nat("expires_at", expires_at.map(u128::from));
                tx.nat("fee", *fee);
            }
            Self::FeeCollector {
                fee_collector,
                caller,
                mthd,
            } => {
                tx.account("fee_collector", fee_collector.as_ref());
                tx.blob("caller", caller.as_ref().map(Principal::as_slice));
                tx.text("mthd", mthd.as_deref());
            }
        }
    }
}

/// A map that is being written.
#[derive(Default)]
struct Fields(ICRC3Map);

impl Fields {
    fn put(&mut self, key: &str, value: Option<ICRC3Value>) {
        if let Some(value) = value {
            self.0.insert(key.to_owned(), value);
        }
    }

    fn text(&mut self, key: &str, text: Option<&str>) {
        self.put(key, text.map(|text| ICRC3Value::Text(text.to_owned())));
    }

    fn nat(&mut self, key: &str, number: Option<u128>) {
        self.put(key, number.map(|number| ICRC3Value::Nat(Nat::from(number))));
    }

    fn blob(&mut self, key: &str, bytes: Option<&[u8]>) {
        self.put(key, bytes.map(|bytes| ICRC3Value::Blob(ByteBuf::from(bytes))));
    }

    fn account(&mut self, key: &str, account: Option<&Account>) {
        let value = account.map(|account| {
            let owner = ICRC3Value::Blob(ByteBuf::from(account.owner.as_slice()));
            let subaccount = account
                .subaccount
                .map(|subaccount| ICRC3Value::Blob(ByteBuf::from(subaccount)));
            ICRC3Value::Array(std::iter::once(owner).chain(subaccount).collect())
        });
        self.put(key, value);
    }
}

impl Block {
    fn decode(value: &ICRC3Value) -> Result<Self, String> {
        let block = map(Some(value), "the block")?;
        let tx = map(block.get("tx"), "tx")?;
        let btype = text(block, "btype")?;
        let parent_hash = blob(block, "phash")?
            .map(|hash| <[u8; 32]>::try_from(hash).map_err(|hash| format!("phash has {} bytes", hash.len())))
            .transpose()?;
        Ok(Self {
            parent_hash,
            operation: Operation::decode(btype.as_deref(), tx)?,
            created_at_time: time(tx, "ts")?,
            memo: blob(tx, "memo")?,
            effective_fee: number(block, "fee")?,
            timestamp: needed(time(block, "ts")?, "ts")?,
            btype,
        })
    }

    fn encode(&self) -> ICRC3Value {
        let mut tx = Fields::default();
        tx.nat("ts", self.created_at_time.map(u128::from));
        tx.blob("memo", self.memo.as_deref());
        self.operation.put(&mut tx);
        let mut block = Fields::default();
        block.blob("phash", self.parent_hash.as_ref().map(|hash| &hash[..]));
        block.put("tx", Some(ICRC3Value::Map(tx.0)));
        block.nat("fee", self.effective_fee);
        block.nat("ts", Some(self.timestamp.into()));
        block.text("btype", self.btype.as_deref().filter(|btype| *btype == FEE_COLLECTOR));
        ICRC3Value::Map(block.0)
    }
}

/// The index.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Of every account that a block concerned.
    pub balances: BTreeMap<Account, u128>,
    /// Blocks that it has taken.
    pub blocks: u64,
    collector: Option<Account>,
}

impl Index {
    /// The index of a whole log, or which block stops it and why.
    pub fn of(blocks: impl IntoIterator<Item = ICRC3Value>) -> Result<Self, String> {
        let mut index = Self::default();
        for block in blocks {
            index.append(&block)?;
        }
        Ok(index)
    }

    /// Takes one block more.
    pub fn append(&mut self, value: &ICRC3Value) -> Result<(), String> {
        let index = self.blocks;
        let block = Block::decode(value).map_err(|error| format!("unable to decode block {index}: {error}"))?;
        if block.encode().hash() != value.clone().hash() {
            return Err(format!("block {index} has unknown fields: {value}"));
        }
        self.apply(&block).map_err(|error| format!("block {index}: {error}"))?;
        self.blocks += 1;
        Ok(())
    }

    /// What the index says an account has.
    pub fn balance(&self, account: &Account) -> u128 {
        self.balances.get(account).copied().unwrap_or(0)
    }

    fn apply(&mut self, block: &Block) -> Result<(), String> {
        match &block.operation {
            Operation::FeeCollector { fee_collector, .. } => self.collector = *fee_collector,
            Operation::Burn { from, amount, fee, .. } => {
                let fee = block.effective_fee.or(*fee).unwrap_or(0);
                self.collect(fee)?;
                self.debit(from, *amount, fee)?;
            }
            Operation::Mint { to, amount, fee } => {
                let fee = block.effective_fee.or(*fee).unwrap_or(0);
                self.collect(fee)?;
                let amount = amount.checked_sub(fee).ok_or("token amount underflow")?;
                self.credit(to, amount)?;
            }
            Operation::Transfer {
                from, to, amount, fee, ..
            } => {
                let fee = block
                    .effective_fee
                    .or(*fee)
                    .ok_or("it is of type Transfer but has no fee or effective fee")?;
                self.debit(from, *amount, fee)?;
                self.credit(to, *amount)?;
                self.collect(fee)?;
            }
            Operation::Approve { from, spender, fee, .. } => {
                // Without one, the index takes the last fee that it has seen: a guess that no block of ours may need.
                let fee = fee.or(block.effective_fee).ok_or("it has no fee")?;
                self.balances.entry(*spender).or_default();
                self.debit(from, 0, fee)?;
                self.collect(fee)?;
            }
        }
        Ok(())
    }

    fn collect(&mut self, fee: u128) -> Result<(), String> {
        match self.collector {
            Some(collector) => self.credit(&collector, fee),
            None => Ok(()),
        }
    }

    fn debit(&mut self, account: &Account, amount: u128, fee: u128) -> Result<(), String> {
        let balance = self.balances.entry(*account).or_default();
        *balance = amount
            .checked_add(fee)
            .and_then(|total| balance.checked_sub(total))
            .ok_or_else(|| format!("underflow for {account}: {balance} - {amount} - {fee}"))?;
        Ok(())
    }

    fn credit(&mut self, account: &Account, amount: u128) -> Result<(), String> {
        let balance = self.balances.entry(*account).or_default();
        *balance = balance
            .checked_add(amount)
            .ok_or_else(|| format!("overflow for {account}: {balance} + {amount}"))?;
        Ok(())
    }
}
