//! Large states for measurements (feature `bench`; release builds do not have it): accounts appear with balances, without blocks.

use candid::Principal;
use ic_stable_structures::Memory;
use icrc_ledger_types::icrc1::account::Account;

use super::Ledger;
use super::working_set::WorkingSet;

/// The `number`-th account of a measurement: a 29-byte principal and a subaccount, both its own.
pub fn account(number: u64) -> Account {
    let mut owner = [0x5a; 29];
    owner[..8].copy_from_slice(&number.to_be_bytes());
    let mut subaccount = [0xa5; 32];
    subaccount[24..].copy_from_slice(&number.to_be_bytes());
    Account {
        owner: Principal::from_slice(&owner),
        subaccount: Some(subaccount),
    }
}

impl<M: Memory> Ledger<M> {
    /// Creates the accounts from `first` to before `end`, each with this balance, smallest units. The supply grows with them, so
    /// that [`Ledger::invariants`] still holds.
    pub fn fill(&mut self, first: u64, end: u64, balance: u128) {
        for number in first..end {
            let mut set = WorkingSet::new();
            let account = account(number);
            let part = self.enlist(&mut set, &account);
            set.hash(part, &account);
            set.credit(part, balance);
            self.totals.supply += balance;
            self.totals.minted += balance;
            let (blocks, history) = (self.totals.blocks, self.totals.history_blocks);
            self.write(&mut set, blocks);
            self.totals.history_blocks = history;
            self.settle_splits(u64::MAX);
        }
        self.storage.totals.write(&self.totals);
    }
}
