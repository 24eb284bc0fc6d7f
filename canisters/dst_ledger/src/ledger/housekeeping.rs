//! What waits for a timer: see the end of [`super`]'s introduction.

use ic_stable_structures::Memory;
use icrc_ledger_types::icrc::generic_value::ICRC3Value;
use icrc_ledger_types::icrc1::account::Account;

use super::Ledger;
use super::working_set::WorkingSet;
use crate::account::AccountKey;
use crate::block::{KnownHashes, Transaction, account_from_value, decode};

/// What one slice of housekeeping did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chores {
    /// Initial balances entered.
    pub minted: u64,
    /// Accounts of version 1 entered in the keyed index.
    pub indexed: u64,
    /// Blocks entered in the accounts' histories.
    pub recorded: u64,
    /// Accounts entered in the sorted index.
    pub sorted: u64,
    /// Buckets of the keyed indexes split.
    pub split: u64,
    /// Transactions forgotten, or passed over because they were never remembered.
    pub forgotten: u64,
    /// Expired allowances forgotten.
    pub expired: u64,
    /// Whether there may be more to do at once.
    pub more: bool,
}

impl<M: Memory> Ledger<M> {
    /// Does at most `limit` of each thing that waits, at time `now` (nanoseconds).
    pub fn housekeep(&mut self, now: u64, limit: u64) -> Chores {
        let expired = self
            .storage
            .allowances
            .prune(now, usize::try_from(limit).unwrap_or(usize::MAX)) as u64;
        let mut chores = Chores {
            expired,
            forgotten: self.forget(now, limit),
            sorted: self.storage.accounts.sort(&mut self.totals, limit),
            split: self.settle_splits(limit),
            ..Chores::default()
        };
        if self.has_index_key() {
            chores.minted = self.enter_initial_balances(now, limit);
            chores.indexed = self
                .storage
                .accounts
                .index_legacy(&self.index_key, &mut self.totals, limit);
            chores.recorded = self.catch_up_with_histories(limit);
        }
        self.storage.totals.write(&self.totals);
        chores.more = [
            chores.minted,
            chores.indexed,
            chores.recorded,
            chores.sorted,
            chores.split,
            chores.forgotten,
            chores.expired,
        ]
        .contains(&limit);
        chores
    }

    /// Whether there is what transactions leave to be done soon: accounts to be sorted, buckets of the indexes to be split.
    pub const fn has_urgent_chores(&self) -> bool {
        self.totals.sorted_accounts < self.totals.accounts
            || self.storage.accounts.owed_splits() > 0
            || self.storage.dedup.owed_splits() > 0
    }

    /// Does at most `limit` of the splits that insertions have put off, so that no transaction touches the pages that one takes.
    pub(super) fn settle_splits(&mut self, limit: u64) -> u64 {
        let accounts = self.storage.accounts.settle_splits(limit);
        accounts + self.storage.dedup.settle_splits(limit - accounts)
    }

    /// Mints initial balances, one `1mint` block each, in the order of the installation's argument.
    fn enter_initial_balances(&mut self, now: u64, limit: u64) -> u64 {
        let from = usize::try_from(self.totals.initial_entered).unwrap_or(usize::MAX);
        let count = usize::try_from(limit).unwrap_or(usize::MAX);
        let slice: Vec<(Account, u128)> = self
            .config
            .initial_balances
            .iter()
            .skip(from)
            .take(count)
            .copied()
            .collect();
        for (to, amount) in &slice {
            let transaction = Transaction::mint(*to, *amount, None, None);
            let mut set = WorkingSet::new();
            let part = self.enlist(&mut set, to);
            let known = KnownHashes {
                to: Some(set.hash(part, to)),
                ..KnownHashes::default()
            };
            let hash = transaction.hash_with(&known);
            // The sum was checked against the cap when the ledger was installed, and nothing else mints before.
            if self.mint_to(&mut set, part, *amount).is_ok() {
                self.commit(&mut set, transaction, &hash, None, None, now);
            }
            self.totals.initial_entered += 1;
        }
        if !self.config.initial_balances.is_empty()
            && self.totals.initial_entered >= self.config.initial_balances.len() as u64
        {
            let mut config = self.config.clone();
            config.initial_balances = Vec::new();
            // A config that was encoded with the balances is encoded without them.
            let _ = self.set_config(config);
        }
        slice.len() as u64
    }

    /// Enters blocks that version 1 wrote, and those that came while its were being entered, in the histories.
    fn catch_up_with_histories(&mut self, limit: u64) -> u64 {
        let begin = self.totals.history_blocks;
        let end = self.totals.blocks.min(begin.saturating_add(limit));
        for block in begin..end {
            let concerned = self.block(block).map(|stored| concerned_accounts(&stored));
            for account in concerned.unwrap_or_default() {
                let key = AccountKey::from(&account);
                if let Some(number) = self.storage.accounts.find(&key, &self.totals) {
                    let mut state = self.storage.accounts.state(number);
                    self.storage.history.append(&mut state, block, &mut self.totals);
                    self.storage.accounts.set_state(number, &key, &state);
                }
            }
            self.totals.history_blocks = block + 1;
        }
        end - begin
    }
}

/// The accounts in whose history a block belongs: sender and recipient, once if they are the same. A spender has not been sent
/// anything and has paid nothing; so it is with the index canisters that wallets know.
fn concerned_accounts(stored: &[u8]) -> Vec<Account> {
    let Ok(ICRC3Value::Map(block)) = decode(stored) else {
        return Vec::new();
    };
    let Some(ICRC3Value::Map(transaction)) = block.get("tx") else {
        return Vec::new();
    };
    let mut accounts: Vec<Account> = ["from", "to"]
        .into_iter()
        .filter_map(|field| transaction.get(field).and_then(account_from_value))
        .collect();
    accounts.dedup();
    accounts
}
