//! One balance, and the sums of all balances in an asset: the same columns.

use std::borrow::Cow;

use ic_stable_structures::{Storable, storable::Bound};

use crate::PrepaidError;

/// The version of stored accounts and totals.
const VERSION: u8 = 1;
/// Bytes of a stored account, and of stored totals: the version, then seven amounts of 16 bytes, big-endian.
pub const ACCOUNT_LEN: usize = 1 + 7 * 16;

/// A balance, in the asset's smallest unit. `topped_up` is the sum of all others, at every instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// All that ever came in.
    pub topped_up: u128,
    /// What can be spent, set aside or withdrawn.
    pub free: u128,
    /// What comes back, or is spent, when its reason is over.
    pub set_aside: u128,
    /// Spent.
    pub charged: u128,
    /// On its way out, the ledger's fee within it.
    pub withdrawing: u128,
    /// Withdrawn.
    pub withdrawn: u128,
    /// Taken by the ledger for withdrawals.
    pub fees: u128,
}

/// All balances in an asset together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals(pub Account);

impl Account {
    /// Whether no unit is missing or too many.
    pub fn conserved(&self) -> bool {
        let [topped_up, rest @ ..] = self.columns();
        rest.iter().try_fold(0_u128, |sum, amount| sum.checked_add(*amount)) == Some(topped_up)
    }

    /// What the canister's account at the ledger must hold for it.
    pub fn held(&self) -> u128 {
        // At most `topped_up`, since the account is conserved.
        self.free + self.set_aside + self.withdrawing
    }

    pub(crate) fn top_up(&mut self, amount: u128) -> Result<(), PrepaidError> {
        // What is free is at most what came in.
        self.topped_up = self.topped_up.checked_add(amount).ok_or(PrepaidError::TooLarge)?;
        self.free += amount;
        Ok(())
    }

    pub(crate) fn charge(&mut self, amount: u128) -> Result<(), PrepaidError> {
        self.take_free(amount)?;
        self.charged += amount;
        Ok(())
    }

    pub(crate) fn set_aside(&mut self, amount: u128) -> Result<(), PrepaidError> {
        self.take_free(amount)?;
        self.set_aside += amount;
        Ok(())
    }

    pub(crate) fn release(&mut self, amount: u128) -> Result<(), PrepaidError> {
        self.take_set_aside(amount)?;
        self.free += amount;
        Ok(())
    }

    pub(crate) fn charge_set_aside(&mut self, amount: u128) -> Result<(), PrepaidError> {
        self.take_set_aside(amount)?;
        self.charged += amount;
        Ok(())
    }

    pub(crate) fn begin_withdrawal(&mut self, amount: u128) -> Result<(), PrepaidError> {
        self.take_free(amount)?;
        self.withdrawing += amount;
        Ok(())
    }

    pub(crate) fn finish_withdrawal(&mut self, amount: u128, fee: u128) -> Result<(), PrepaidError> {
        let sent = amount.checked_sub(fee).ok_or(PrepaidError::NotWithdrawing)?;
        self.take_withdrawing(amount)?;
        self.withdrawn += sent;
        self.fees += fee;
        Ok(())
    }

    pub(crate) fn abort_withdrawal(&mut self, amount: u128) -> Result<(), PrepaidError> {
        self.take_withdrawing(amount)?;
        self.free += amount;
        Ok(())
    }

    fn take_free(&mut self, amount: u128) -> Result<(), PrepaidError> {
        let free = self.free;
        self.free = free.checked_sub(amount).ok_or(PrepaidError::NotFree { free })?;
        Ok(())
    }

    fn take_set_aside(&mut self, amount: u128) -> Result<(), PrepaidError> {
        let set_aside = self.set_aside;
        self.set_aside = set_aside
            .checked_sub(amount)
            .ok_or(PrepaidError::NotSetAside { set_aside })?;
        Ok(())
    }

    fn take_withdrawing(&mut self, amount: u128) -> Result<(), PrepaidError> {
        self.withdrawing = self
            .withdrawing
            .checked_sub(amount)
            .ok_or(PrepaidError::NotWithdrawing)?;
        Ok(())
    }

    fn columns(&self) -> [u128; 7] {
        [
            self.topped_up,
            self.free,
            self.set_aside,
            self.charged,
            self.withdrawing,
            self.withdrawn,
            self.fees,
        ]
    }

    fn from_columns([topped_up, free, set_aside, charged, withdrawing, withdrawn, fees]: [u128; 7]) -> Self {
        Self {
            topped_up,
            free,
            set_aside,
            charged,
            withdrawing,
            withdrawn,
            fees,
        }
    }
}

impl Totals {
    /// The sums with one account's part replaced; `None` if one would pass 2^128 - 1.
    pub(crate) fn replace(&self, before: &Account, after: &Account) -> Option<Self> {
        let mut sums = self.0.columns();
        for (sum, (before, after)) in sums.iter_mut().zip(before.columns().into_iter().zip(after.columns())) {
            *sum = sum.checked_sub(before)?.checked_add(after)?;
        }
        Some(Self(Account::from_columns(sums)))
    }
}

fn encode(account: &Account) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ACCOUNT_LEN);
    bytes.push(VERSION);
    for amount in account.columns() {
        bytes.extend_from_slice(&amount.to_be_bytes());
    }
    bytes
}

/// Panics on bytes that this code never wrote: going on with a wrong balance would be worse than stopping.
fn decode(bytes: &[u8]) -> Account {
    assert!(
        bytes.len() == ACCOUNT_LEN && bytes[0] == VERSION,
        "a prepaid balance in stable memory cannot be read"
    );
    let mut columns = [0; 7];
    for (column, chunk) in columns.iter_mut().zip(bytes[1..].chunks_exact(16)) {
        let mut amount = [0; 16];
        amount.copy_from_slice(chunk);
        *column = u128::from_be_bytes(amount);
    }
    Account::from_columns(columns)
}

impl Storable for Account {
    const BOUND: Bound = Bound::Unbounded;

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(encode(self))
    }

    fn into_bytes(self) -> Vec<u8> {
        encode(&self)
    }

    fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
        decode(&bytes)
    }
}

impl Storable for Totals {
    const BOUND: Bound = Bound::Unbounded;

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Owned(encode(&self.0))
    }

    fn into_bytes(self) -> Vec<u8> {
        encode(&self.0)
    }

    fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
        Self(decode(&bytes))
    }
}
