//! Prepaid balances, one an owner and asset.
//!
//! An owner tops a balance up; a canister *charges* it for what it does, or *sets aside* what must come back; the owner
//! withdraws what is free. The rules move amounts between columns and nothing else:
//!
//! topped up = free + set aside + charged + withdrawing + withdrawn (the ledger's fees within it)
//!
//! for each account and, in sums kept beside them, for each asset. Every rule costs two lookups and two writes, however many
//! owners there are.
//!
//! Money comes in and goes out by the payments journal (`ddsx_payments`): [`till`] has the calls, for any canister that is a
//! [`till::Till`]. It calls [`Prepaid::top_up`] when a pull has settled, and takes a payout through
//! [`Prepaid::begin_withdrawal`] to its end.

mod account;
mod key;
#[cfg(test)]
mod tests;
pub mod till;

pub use account::{ACCOUNT_LEN, Account, Totals};

use candid::Principal;
use ic_stable_structures::{Memory, StableBTreeMap};
use key::Key;

/// Why an amount was not moved; nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepaidError {
    /// Not so much is free.
    #[error("only {free} is free")]
    NotFree {
        /// What is.
        free: u128,
    },
    /// Not so much is set aside.
    #[error("only {set_aside} is set aside")]
    NotSetAside {
        /// What is.
        set_aside: u128,
    },
    /// Not so much is on its way out, or the fee is above the amount.
    #[error("no such withdrawal is under way")]
    NotWithdrawing,
    /// The sum would pass 2^128 - 1, more than any ledger can hold.
    #[error("the balance would be too large")]
    TooLarge,
}

/// All balances of a canister, in two stable memories.
pub struct Prepaid<M: Memory> {
    accounts: StableBTreeMap<Key, Account, M>,
    totals: StableBTreeMap<u32, Totals, M>,
}

impl<M: Memory> Prepaid<M> {
    /// Opens what the memories hold, or begins anew in fresh ones. The work does not depend on how much is stored.
    pub fn open(accounts: M, totals: M) -> Self {
        Self {
            accounts: StableBTreeMap::init(accounts),
            totals: StableBTreeMap::init(totals),
        }
    }

    /// An owner's balance in an asset, which the canister numbers; an empty one if there never was any.
    pub fn account(&self, owner: Principal, asset: u32) -> Account {
        self.accounts.get(&Key::new(&owner, asset)).unwrap_or_default()
    }

    /// All balances in an asset together.
    pub fn totals(&self, asset: u32) -> Totals {
        self.totals.get(&asset).unwrap_or_default()
    }

    /// A payment has come in.
    ///
    /// # Errors
    /// [`PrepaidError::TooLarge`].
    pub fn top_up(&mut self, owner: Principal, asset: u32, amount: u128) -> Result<(), PrepaidError> {
        self.change(owner, asset, |account| account.top_up(amount))
    }

    /// Spends what is free.
    ///
    /// # Errors
    /// [`PrepaidError::NotFree`].
    pub fn charge(&mut self, owner: Principal, asset: u32, amount: u128) -> Result<(), PrepaidError> {
        self.change(owner, asset, |account| account.charge(amount))
    }

    /// Sets aside what is free: it can be released or spent, not withdrawn.
    ///
    /// # Errors
    /// [`PrepaidError::NotFree`].
    pub fn set_aside(&mut self, owner: Principal, asset: u32, amount: u128) -> Result<(), PrepaidError> {
        self.change(owner, asset, |account| account.set_aside(amount))
    }

    /// Frees what was set aside.
    ///
    /// # Errors
    /// [`PrepaidError::NotSetAside`].
    pub fn release(&mut self, owner: Principal, asset: u32, amount: u128) -> Result<(), PrepaidError> {
        self.change(owner, asset, |account| account.release(amount))
    }

    /// Spends what was set aside.
    ///
    /// # Errors
    /// [`PrepaidError::NotSetAside`].
    pub fn charge_set_aside(&mut self, owner: Principal, asset: u32, amount: u128) -> Result<(), PrepaidError> {
        self.change(owner, asset, |account| account.charge_set_aside(amount))
    }

    /// Takes an amount, the ledger's fee within it, out of what is free, before the ledger is called.
    ///
    /// # Errors
    /// [`PrepaidError::NotFree`].
    pub fn begin_withdrawal(&mut self, owner: Principal, asset: u32, amount: u128) -> Result<(), PrepaidError> {
        self.change(owner, asset, |account| account.begin_withdrawal(amount))
    }

    /// The ledger has executed it and taken its fee from it.
    ///
    /// # Errors
    /// [`PrepaidError::NotWithdrawing`].
    pub fn finish_withdrawal(
        &mut self,
        owner: Principal,
        asset: u32,
        amount: u128,
        fee: u128,
    ) -> Result<(), PrepaidError> {
        self.change(owner, asset, |account| account.finish_withdrawal(amount, fee))
    }

    /// It is proved that the ledger did not execute it and will not: the amount is free again.
    ///
    /// # Errors
    /// [`PrepaidError::NotWithdrawing`].
    pub fn abort_withdrawal(&mut self, owner: Principal, asset: u32, amount: u128) -> Result<(), PrepaidError> {
        self.change(owner, asset, |account| account.abort_withdrawal(amount))
    }

    /// Changes an account and the asset's sums together, or neither.
    fn change(
        &mut self,
        owner: Principal,
        asset: u32,
        change: impl FnOnce(&mut Account) -> Result<(), PrepaidError>,
    ) -> Result<(), PrepaidError> {
        let key = Key::new(&owner, asset);
        let before = self.accounts.get(&key).unwrap_or_default();
        let mut after = before;
        change(&mut after)?;
        let totals = self
            .totals(asset)
            .replace(&before, &after)
            .ok_or(PrepaidError::TooLarge)?;
        self.accounts.insert(key, after);
        self.totals.insert(asset, totals);
        Ok(())
    }
}
