//! The ledger's rules.
//!
//! # Order of checks
//! 1. The caller is not anonymous, and the ledger has the secret key of its indexes: until randomness has arrived, in the first
//!    seconds after the installation, the answer is `TemporarilyUnavailable`.
//! 2. What can never be right, whatever the state: a memo above 80 bytes, an amount or fee above `u128::MAX`, both ends
//!    the minting account, an approval to oneself or by the minting account.
//! 3. If `created_at_time` is set: `TooOld`, `CreatedInFuture`, then `Duplicate`.
//! 4. The memo limit of the settings, the fee, the least burn, the minter's cap, the supply cap.
//! 5. The allowance, then the balance. For an approval: the balance, the expiry, the expected allowance.
//!
//! So whoever repeats a call that was executed learns so (`Duplicate`), even if the fee, a balance, an allowance, an expiry or
//! what a minter's cap leaves changed since: payments through this ledger may be listed as `dedup_first`. The DFINITY ledger checks memo and
//! fee before it deduplicates, and traps where this one answers `GenericError` (codes in
//! [`ddsx_types::dst_ledger::error_code`]).
//!
//! Every check comes before the first write, so a failing call changes nothing.
//!
//! # Choices that the standards leave open
//! - Fees are burnt, or go to the fee collector where governance has set one (ICRC-107). Mints and burns cost none; the least
//!   burn is the fee.
//! - An approval of more than `u128::MAX` is capped there (ICRC-2 allows capping); 0 removes the allowance.
//! - The window is 24 h and 2 min of drift at both ends: `TooOld` before `now − 24 h − 2 min` (ICRC-1's own formula).
//! - The dedup memory is bounded. When it is full of transactions still inside the window, calls with `created_at_time`
//!   answer `TemporarilyUnavailable`; calls without go on.
//!
//! # What waits for a timer
//! A transaction does only what the next one depends on. [`Ledger::housekeep`] does the rest in slices: forget what has left the
//! window, forget expired allowances, sort new accounts for the listings, split full buckets of the indexes, and after an upgrade from version 1 enter its accounts
//! and blocks in the keyed index and the histories.

mod approve;
#[cfg(feature = "bench")]
pub mod bench;
mod failure;
mod governance;
mod housekeeping;
mod mint;
pub mod request;
mod transfer;
mod window;
mod working_set;

#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
mod tests;

use candid::Nat;
use ddsx_hash_index::SipKey;
use ddsx_types::dst_ledger::{InitArgs, LedgerTotals, UpgradeArgs};
use ic_stable_structures::Memory;
use icrc_ledger_types::icrc1::account::Account;
use icrc_ledger_types::icrc2::allowance::{Allowance, AllowanceArgs};

use crate::block::{Block, Sha256Hash, Transaction};
use crate::config::Config;
use crate::storage::accounts::AccountNumber;
use crate::storage::{Storage, Totals};
use failure::Failure;
use window::Remember;
use working_set::WorkingSet;

pub use governance::Act;
pub use housekeeping::Chores;
pub use window::{PERMITTED_DRIFT_NS, TRANSACTION_WINDOW_NS};

/// The token and everything it keeps, in any memory.
pub struct Ledger<M: Memory> {
    config: Config,
    totals: Totals,
    /// Zeroes until there is a key; nothing is looked up under it before ([`Ledger::is_ready`]).
    index_key: SipKey,
    storage: Storage<M>,
    max_dedup_entries: u64,
}

impl<M: Memory> Ledger<M> {
    /// Installs a new token in an empty memory. It takes transactions, and has its initial balances, when it has been given a
    /// key ([`Ledger::set_index_key`]) and kept house ([`Ledger::housekeep`]).
    pub fn install(memory: M, args: InitArgs) -> Result<Self, String> {
        let config = Config::new(args)?;
        let mut storage = Storage::open(memory)?;
        if !storage.config.get().is_empty() {
            return Err("there is a ledger in this memory already".into());
        }
        storage.config.set(config.encode()?);
        storage.totals.write(&Totals::default());
        Ok(Self::new(config, Totals::default(), storage))
    }

    /// Opens the token that is in `memory`, changing the settings that `args` names. Copies nothing.
    pub fn open(memory: M, args: Option<UpgradeArgs>) -> Result<Self, String> {
        let mut storage = Storage::open(memory)?;
        let mut config = Config::decode(storage.config.get())?;
        if let Some(args) = args {
            config = config.upgraded(args)?;
            storage.config.set(config.encode()?);
        }
        let totals = storage.totals.read(|| storage.accounts.sorted_len())?;
        Ok(Self::new(config, totals, storage))
    }

    fn new(config: Config, totals: Totals, storage: Storage<M>) -> Self {
        Self {
            config,
            index_key: totals.index_key.unwrap_or_default(),
            totals,
            storage,
            max_dedup_entries: window::MAX_DEDUP_ENTRIES,
        }
    }

    /// Whether the indexes have their secret key.
    pub const fn has_index_key(&self) -> bool {
        self.totals.index_key.is_some()
    }

    /// Gives the indexes their secret key, once: a second one changes nothing.
    pub fn set_index_key(&mut self, key: [u8; 16]) {
        if self.totals.index_key.is_none() {
            self.index_key = SipKey(key);
            self.totals.index_key = Some(self.index_key);
            self.storage.totals.write(&self.totals);
        }
    }

    /// Whether transactions are taken: the indexes have their key and the initial balances are entered.
    pub fn is_ready(&self) -> bool {
        self.has_index_key() && self.config.initial_balances.is_empty()
    }

    fn refuse_until_ready(&self) -> Result<(), Failure> {
        if self.is_ready() {
            Ok(())
        } else {
            Err(Failure::TemporarilyUnavailable)
        }
    }

    /// The settings.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    fn set_config(&mut self, config: Config) -> Result<(), String> {
        self.storage.config.set(config.encode()?);
        self.config = config;
        Ok(())
    }

    /// `icrc1_total_supply`, smallest units.
    pub const fn total_supply(&self) -> u128 {
        self.totals.supply
    }

    /// `icrc1_balance_of`, smallest units.
    pub fn balance_of(&self, account: &Account) -> u128 {
        self.account_number(account)
            .map_or(0, |number| self.storage.accounts.state(number).balance)
    }

    /// The account's number, if it has ever been seen.
    pub fn account_number(&self, account: &Account) -> Option<AccountNumber> {
        self.storage.accounts.find(&account.into(), &self.totals)
    }

    /// Everything stored, and the counters that go with it, for the read-only interfaces.
    pub const fn stored(&self) -> (&Storage<M>, &Totals) {
        (&self.storage, &self.totals)
    }

    /// `icrc2_allowance` at time `now` (nanoseconds).
    pub fn allowance(&self, args: &AllowanceArgs, now: u64) -> Allowance {
        let active = self
            .account_number(&args.account)
            .zip(self.account_number(&args.spender))
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
            accounts: self.totals.accounts,
            allowances: self.storage.allowances.len(),
            deduplicated: self.storage.dedup.len(&self.totals),
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

    /// Index and hash of the last block, `None` in an empty log.
    pub fn tip(&self) -> Option<(u64, Sha256Hash)> {
        self.totals.blocks.checked_sub(1).zip(self.tip_hash())
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
        for number in 0..self.totals.accounts {
            let balance = accounts.state(number).balance;
            sum = sum.checked_add(balance).ok_or("the balances' sum overflows")?;
            holders += u64::from(balance > 0);
            if accounts.find(&accounts.key(number), &self.totals) != Some(number) {
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

    /// Writes the block of an executed transaction and the accounts it changed, remembers it for deduplication and stores the
    /// counters. `fee` is the fee paid that the caller did not name.
    fn commit(
        &mut self,
        set: &mut WorkingSet,
        transaction: Transaction,
        hash: &Sha256Hash,
        remember: Option<Remember>,
        fee: Option<u128>,
        now: u64,
    ) -> u64 {
        let block = Block {
            parent_hash: self.tip_hash(),
            timestamp: now,
            fee,
            transaction,
        };
        self.write(set, self.totals.blocks);
        self.totals.tip_hash = block.hash_with(hash);
        let (tag, minter) = remember
            .as_ref()
            .map_or((0, None), |remember| (remember.tag, remember.minter.as_ref()));
        let index = self.storage.blocks.append(&block.encode(tag, minter), &mut self.totals);
        if let Some(Remember { vacancy, .. }) = remember {
            self.storage.dedup.insert(vacancy, index, &mut self.totals);
        }
        self.storage.totals.write(&self.totals);
        index
    }
}
