//! What a transaction leaves in the log: one ICRC-3 block.
//!
//! A block is a map with `ts`, `phash` (but in the first block), `fee` and `tx`, written as the ecosystem's ledgers write it, whose
//! index canister refuses a block with any other field:
//! - `tx` holds what the caller gave and nothing else: `op`, `from`, `to`, `spender`, `amt`, `fee`, `memo`, `ts` (its
//!   `created_at_time`), `expected_allowance`, `expires_at`.
//! - The top-level `fee` is there exactly when the operation cost a fee that the caller did not name; otherwise `tx.fee` is
//!   the fee paid. Mints and burns cost none and carry neither (ICRC-3, "Effective Fee").
//! - The five classic kinds have no `btype`: ICRC-3 takes the type from `tx.op` then. They are `1mint`, `1burn`, `1xfer`, `2approve`
//!   and `2xfer`, an `xfer` with `tx.spender`; a burn through `icrc2_transfer_from` is a `1burn` with `tx.spender`.
//! - A change of the fee collector has the `btype` `107feecol`, and its `tx` holds `mthd`, `fee_collector`, `ts` and `caller`.
//!
//! Older code wrote a `btype` into every block, and `op` in place of `mthd` into `107feecol` blocks. Those blocks stay as they are:
//! they are stored as values and hashed as such, so readers take the type from `btype` if there is one, from `tx.op` if not.
//!
//! [`Block::fields`] and [`Transaction::fields`] alone say what a block contains; its hash, its stored bytes and its
//! `ICRC3Value` are three renderings of that one listing and cannot disagree.

mod codec;
mod hash;
mod keys;
#[cfg(test)]
mod older;
mod value;

#[cfg(test)]
mod tests;

use candid::Principal;
use icrc_ledger_types::icrc1::account::Account;

pub(crate) use codec::leb128;
pub use codec::{DecodeError, decode, dedup_minter, dedup_tag};
pub(crate) use hash::sha256;
pub use hash::{KnownHashes, Sha256Hash, account_hash, minters_hash};
use keys::{Constant, Key};
pub use value::account_from_value;

/// What a transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// New tokens appear on `to`.
    Mint,
    /// Tokens of `from` vanish.
    Burn,
    /// Tokens move from `from` to `to`.
    Transfer,
    /// `spender` may move tokens of `from`.
    Approve,
    /// From this block on, fees go to `to`, or are burnt if there is none (ICRC-107).
    SetFeeCollector,
}

/// What the caller asked for, as it asked for it. Two calls with equal transactions are the same call (ICRC-1,
/// "Transaction deduplication").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// What it does.
    pub operation: Operation,
    /// Absent in a mint.
    pub from: Option<Account>,
    /// Absent in burns and approvals. The new fee collector, if there is one, in [`Operation::SetFeeCollector`].
    pub to: Option<Account>,
    /// The account that draws on an allowance (`icrc2_transfer_from`) or gets one (`icrc2_approve`).
    pub spender: Option<Account>,
    /// Smallest units; in an approval the allowance.
    pub amount: u128,
    /// The fee that the caller named; always absent in mints and burns.
    pub fee: Option<u128>,
    /// As given.
    pub memo: Option<Vec<u8>>,
    /// As given, nanoseconds.
    pub created_at_time: Option<u64>,
    /// As given; approvals only.
    pub expected_allowance: Option<u128>,
    /// As given, nanoseconds; approvals only.
    pub expires_at: Option<u64>,
    /// Who called; [`Operation::SetFeeCollector`] only.
    pub caller: Option<Principal>,
}

/// A transaction with what the ledger adds to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Hash of the block before; absent in the first.
    pub parent_hash: Option<Sha256Hash>,
    /// When the ledger accepted it, nanoseconds.
    pub timestamp: u64,
    /// The fee paid, if the caller did not name it and there is one.
    pub fee: Option<u128>,
    /// What was done.
    pub transaction: Transaction,
}

/// A value inside a block, borrowed from it.
#[derive(Clone, Copy)]
enum Field<'a> {
    Constant(&'static Constant),
    Nat(u128),
    Blob(&'a [u8]),
    Account(&'a Account),
    Transaction(&'a Transaction),
}

impl Transaction {
    /// A mint.
    pub const fn mint(to: Account, amount: u128, memo: Option<Vec<u8>>, created_at_time: Option<u64>) -> Self {
        Self {
            operation: Operation::Mint,
            from: None,
            to: Some(to),
            spender: None,
            amount,
            fee: None,
            memo,
            created_at_time,
            expected_allowance: None,
            expires_at: None,
            caller: None,
        }
    }

    /// A change of the fee collector (ICRC-107, "Canonical `tx` Mapping").
    pub const fn set_fee_collector(
        collector: Option<Account>,
        created_at_time: Option<u64>,
        caller: Principal,
    ) -> Self {
        Self {
            operation: Operation::SetFeeCollector,
            from: None,
            to: collector,
            spender: None,
            amount: 0,
            fee: None,
            memo: None,
            created_at_time,
            expected_allowance: None,
            expires_at: None,
            caller: Some(caller),
        }
    }

    /// What `tx.op` says; a change of the fee collector has none.
    const fn op(&self) -> Option<&'static Constant> {
        match self.operation {
            Operation::Mint => Some(&keys::MINT),
            Operation::Burn => Some(&keys::BURN),
            Operation::Transfer => Some(&keys::XFER),
            Operation::Approve => Some(&keys::APPROVE),
            Operation::SetFeeCollector => None,
        }
    }

    /// Every field that is there, in the order of the keys' hashes, which is the order in which a map is hashed.
    fn fields<'a>(&'a self, mut visit: impl FnMut(&'static Key, Field<'a>)) {
        let mut optional = |key: &'static Key, field: Option<Field<'a>>| {
            if let Some(field) = field {
                visit(key, field);
            }
        };
        let sets_collector = self.operation == Operation::SetFeeCollector;
        let recipient = self.to.as_ref().map(Field::Account);
        let caller = self.caller.as_ref().map(|caller| Field::Blob(caller.as_slice()));
        optional(&keys::OP, self.op().map(Field::Constant));
        optional(
            &keys::MTHD,
            sets_collector.then_some(Field::Constant(&keys::SET_FEE_COLLECTOR)),
        );
        optional(&keys::TS, self.created_at_time.map(|time| Field::Nat(time.into())));
        optional(&keys::CALLER, caller);
        optional(&keys::TO, recipient.filter(|_| !sets_collector));
        optional(&keys::FROM, self.from.as_ref().map(Field::Account));
        optional(&keys::SPENDER, self.spender.as_ref().map(Field::Account));
        optional(&keys::MEMO, self.memo.as_deref().map(Field::Blob));
        optional(&keys::AMT, (!sets_collector).then_some(Field::Nat(self.amount)));
        optional(&keys::EXPIRES_AT, self.expires_at.map(|time| Field::Nat(time.into())));
        optional(&keys::FEE, self.fee.map(Field::Nat));
        optional(&keys::EXPECTED_ALLOWANCE, self.expected_allowance.map(Field::Nat));
        optional(&keys::FEE_COLLECTOR, recipient.filter(|_| sets_collector));
    }
}

impl Block {
    /// As [`Transaction::fields`].
    fn fields<'a>(&'a self, mut visit: impl FnMut(&'static Key, Field<'a>)) {
        if self.transaction.operation == Operation::SetFeeCollector {
            visit(&keys::BTYPE, Field::Constant(&keys::FEECOL_107));
        }
        visit(&keys::TX, Field::Transaction(&self.transaction));
        visit(&keys::TS, Field::Nat(self.timestamp.into()));
        if let Some(hash) = &self.parent_hash {
            visit(&keys::PHASH, Field::Blob(hash));
        }
        if let Some(fee) = self.fee {
            visit(&keys::FEE, Field::Nat(fee));
        }
    }
}
