//! The ledger's rules.
//!
//! # Order of checks
//! 1. The caller is not anonymous.
//! 2. What can never be right, whatever the state: a memo above 80 bytes, an amount or fee above `u128::MAX`, both ends
//!    the minting account, an approval to oneself or by the minting account.
//! 3. If `created_at_time` is set: `TooOld`, `CreatedInFuture`, then `Duplicate`.
//! 4. The memo limit of the settings, the fee, the least burn, the supply cap.
//! 5. The allowance, then the balance. For an approval: the balance, the expiry, the expected allowance.
//!
//! So whoever repeats a call that was executed learns so (`Duplicate`), even if the fee, a balance, an allowance or an
//! expiry changed since: payments through this ledger may be listed as `dedup_first`. The DFINITY ledger checks memo and
//! fee before it deduplicates, and traps where this one answers `GenericError` (codes in
//! [`ddsx_types::dst_ledger::error_code`]).
//!
//! Every check comes before the first write, so a failing call changes nothing.
//!
//! # Choices that the standards leave open
//! - Fees are burnt. Mints and burns cost none; the least burn is the fee.
//! - An approval of more than `u128::MAX` is capped there (ICRC-2 allows capping); 0 removes the allowance.
//! - The window is 24 h and 2 min of drift at both ends: `TooOld` before `now − 24 h − 2 min` (ICRC-1's own formula).
//! - The dedup memory is bounded. When it is full of transactions still inside the window, calls with `created_at_time`
//!   answer `TemporarilyUnavailable`; calls without go on.

mod approve;
mod failure;
mod transfer;
mod window;

#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
mod tests;

use candid::Nat;
use ddsx_types::dst_ledger::{InitArgs, LedgerTotals, UpgradeArgs};
use ic_stable_structures::Memory;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc2::allowance::{Allowance, AllowanceArgs};

use crate::account::AccountKey;
use crate::block::{Block, Operation, Sha256Hash, Transaction};
use crate::config::Config;
use crate::storage::accounts::AccountNumber;
use crate::storage::{Storage, Totals};

pub use window::{PERMITTED_DRIFT_NS, TRANSACTION_WINDOW_NS};

/// The token and everything it keeps, in any memory.
pub struct Ledger<M: Memory> {
    config: Config,
    totals: Totals,
    storage: Storage<M>,
    max_dedup_entries: u64,
}

impl<M: Memory> Ledger<M> {
    /// Installs a new token in an empty memory and mints its initial balances at time `now` (nanoseconds).
    pub fn install(memory: M, args: InitArgs, now: u64) -> Result<Self, String> {
        let (config, balances) = Config::new(args)?;
        let mut storage = Storage::open(memory);
        if !storage.config.get().is_empty() {
            return Err("there is a ledger in this memory already".into());
        }
        storage.config.set(config.encode()?);
        storage.totals.write(&Totals::default());
        let mut ledger = Self {
            config,
            totals: Totals::default(),
            storage,
            max_dedup_entries: window::MAX_DEDUP_ENTRIES,
        };
        for (account, balance) in balances {
            ledger.mint_initial(account, balance, now);
        }
        Ok(ledger)
    }

    /// Opens the token that is in `memory`, changing the settings that `args` names. Copies nothing.
    pub fn open(memory: M, args: Option<UpgradeArgs>) -> Result<Self, String> {
        let mut storage = Storage::open(memory);
        let mut config = Config::decode(storage.config.get())?;
        if let Some(args) = args {
            config = config.upgraded(args)?;
            storage.config.set(config.encode()?);
        }
        let totals = storage.totals.read()?;
        Ok(Self {
            config,
            totals,
            storage,
            max_dedup_entries: window::MAX_DEDUP_ENTRIES,
        })
    }

    /// The settings.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// `icrc1_total_supply`, smallest units.
    pub const fn total_supply(&self) -> u128 {
        self.totals.supply
    }

    /// `icrc1_balance_of`, smallest units.
    pub fn balance_of(&self, account: &Account) -> u128 {
        self.storage
            .accounts
            .find(&account.into())
            .map_or(0, |number| self.storage.accounts.balance(number))
    }

    /// `icrc2_allowance` at time `now` (nanoseconds).
    pub fn allowance(&self, args: &AllowanceArgs, now: u64) -> Allowance {
        let accounts = &self.storage.accounts;
        let active = accounts
            .find(&(&args.account).into())
            .zip(accounts.find(&(&args.spender).into()))
            .and_then(|(owner, spender)| self.storage.allowances.active(owner, spender, now));
        match active {
            Some(allowance) => Allowance {
                allowance: Nat::from(allowance.amount),
                expires_at: allowance.expires_at,
            },
            None => Allowance {
                allowance: Nat::from(0_u8),
                expires_at: None,
            },
        }
    }

    /// The counters.
    pub fn totals(&self) -> LedgerTotals {
        LedgerTotals {
            total_supply: self.totals.supply.into(),
            max_supply: self.config.max_supply.into(),
            minted: self.totals.minted.into(),
            burnt: self.totals.burnt.into(),
            fees_burnt: self.totals.fees_burnt.into(),
            blocks: self.totals.blocks,
            holders: self.totals.holders,
            accounts: self.storage.accounts.len(),
            allowances: self.storage.allowances.len(),
            deduplicated: self.storage.dedup.len(),
        }
    }

    /// Blocks in the log.
    pub const fn log_length(&self) -> u64 {
        self.totals.blocks
    }

    /// The stored bytes of a block ([`crate::block::decode`] reads them).
    pub fn block(&self, index: u64) -> Option<Vec<u8>> {
        self.storage.blocks.get(index, &self.totals)
    }

    /// Hash of the last block, `None` in an empty log.
    pub fn tip_hash(&self) -> Option<Sha256Hash> {
        (self.totals.blocks > 0).then_some(self.totals.tip_hash)
    }

    /// Forgets transactions that left the window and allowances that have expired, at most `limit` of each. Returns
    /// whether there may be more.
    pub fn prune(&mut self, now: u64, limit: usize) -> bool {
        let transactions = self.storage.dedup.prune(window::cutoff(now), limit);
        let allowances = self.storage.allowances.prune(now, limit);
        transactions == limit || allowances == limit
    }

    /// Checks that the counters agree with each other and with every stored balance. Reads every account: for tests and
    /// offline checks, not for an endpoint.
    pub fn invariants(&self) -> Result<(), String> {
        let Totals {
            supply,
            minted,
            burnt,
            fees_burnt,
            ..
        } = self.totals;
        if burnt.checked_add(fees_burnt).and_then(|gone| gone.checked_add(supply)) != Some(minted) {
            return Err(format!(
                "minted {minted} ≠ supply {supply} + burnt {burnt} + fees {fees_burnt}"
            ));
        }
        if supply > self.config.max_supply {
            return Err(format!("supply {supply} is above the cap {}", self.config.max_supply));
        }
        let accounts = &self.storage.accounts;
        let (mut sum, mut holders) = (0_u128, 0);
        for number in 0..accounts.len() {
            let balance = accounts.balance(number);
            sum = sum.checked_add(balance).ok_or("the balances' sum overflows")?;
            holders += u64::from(balance > 0);
            if accounts.find(&accounts.key(number)) != Some(number) {
                return Err(format!("account {number} is not where the index says"));
            }
        }
        if sum != supply || holders != self.totals.holders {
            return Err(format!(
                "balances sum to {sum} in {holders} accounts, the counters say {supply} in {}",
                self.totals.holders
            ));
        }
        if self.balance_of(&self.config.minting_account) != 0 {
            return Err("the minting account holds tokens".into());
        }
        Ok(())
    }

    fn mint_initial(&mut self, account: Account, amount: u128, now: u64) {
        let to = self.ensure_account(&(&account).into());
        self.credit(to, amount);
        self.totals.supply += amount;
        self.totals.minted += amount;
        let transaction = Transaction {
            operation: Operation::Mint,
            from: None,
            to: Some(account),
            spender: None,
            amount,
            fee: None,
            memo: None,
            created_at_time: None,
            expected_allowance: None,
            expires_at: None,
        };
        let hash = transaction.hash();
        self.commit(transaction, &hash, None, now);
    }

    fn ensure_account(&mut self, account: &AccountKey) -> AccountNumber {
        match self.storage.accounts.find(account) {
            Some(number) => number,
            None => self.storage.accounts.create(*account),
        }
    }

    fn set_balance(&mut self, account: AccountNumber, before: u128, after: u128) {
        self.storage.accounts.set_balance(account, after);
        match (before, after) {
            (0, 1..) => self.totals.holders += 1,
            (1.., 0) => self.totals.holders -= 1,
            _ => {}
        }
    }

    /// Adds to a balance. It cannot overflow: the supply, checked before, holds every balance.
    fn credit(&mut self, account: AccountNumber, amount: u128) {
        let before = self.storage.accounts.balance(account);
        self.set_balance(account, before, before + amount);
    }

    /// Writes the block of an executed transaction, remembers it for deduplication and stores the counters. `fee` is the
    /// fee paid that the caller did not name.
    fn commit(&mut self, transaction: Transaction, hash: &Sha256Hash, fee: Option<u128>, now: u64) -> u64 {
        let created_at_time = transaction.created_at_time;
        let block = Block {
            parent_hash: self.tip_hash(),
            timestamp: now,
            fee,
            transaction,
        };
        self.totals.tip_hash = block.hash_with(hash);
        let index = self.storage.blocks.append(&block.encode(), &mut self.totals);
        if let Some(created_at_time) = created_at_time {
            self.storage.dedup.insert(created_at_time, hash, index);
        }
        self.storage.totals.write(&self.totals);
        index
    }
}
